"""What lies in several files and belongs together: mails by thread, the days of a thread in a chat, the
people of a chat by their names.

Heads of mails and threads are learnt in a first pass. In the second a thread of several people becomes a
conversation, where its last part is met; other mails stay texts, without what they quote and how they are
signed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from preparation import rowfile
from preparation.conversations.own_words import own_words
from preparation.conversations.spoken import spoken, spoken_in_cell
from preparation.mapping import LEFT_OUT, SETTLED
from preparation.readers.conversation import Said, rows
from records import Drop, Letter, Row, Rows, Source

LETTER, THREAD, NAMES = (
    b'"letter":{',
    b'"thread":{',
    b'"names":{',
)  # as no text can hold them: quotes in it are escaped
LISTED = "names of people in a chat, which stand in its conversations"
LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)
MENTION = re.compile(r"@([UW][A-Z0-9]+)\b")
ID = re.compile(r"(?=.*\d)[UW][A-Z0-9]{8,}")  # of somebody whose name is not known

Key = tuple[str, int]
ThreadKey = tuple[str, bool, str]


class Place(NamedTuple):
    """A mail among all."""

    letter: Letter
    uri: str


def known(found: Rows) -> "Known":
    """What is to be known of all files before their rows are taken one by one."""
    learnt = Known(frozenset(file.uri for file in found.files if file.held))
    with rowfile.opened(found.uri) as file:
        for line in file:
            if LETTER in line or THREAD in line or NAMES in line:
                learnt.add(Row.model_validate_json(line))
    learnt.settle()
    return learnt


def lines(found: Rows, known: "Known") -> Iterator[bytes]:
    """The rows of all files as they are written, but for parts of threads, which come as whole ones; of mails
    they are SETTLED, and what was left out is LEFT_OUT."""
    with rowfile.opened(found.uri) as file:
        for mark, together in groupby(file, key=_mark):
            if not mark:
                yield from together
            elif mark == THREAD:
                for row in map(Row.model_validate_json, together):
                    yield from map(rowfile.line_of, known.part(row))
            else:
                for key, parts in groupby(map(Row.model_validate_json, together), key=_key):
                    for made in known.mail(key, list(parts)):
                        yield (LEFT_OUT if isinstance(made, Drop) else SETTLED) + rowfile.line_of(made)


def _mark(line: bytes) -> bytes:
    return next((mark for mark in (LETTER, THREAD) if mark in line), b"")


def _key(row: Row) -> Key:
    assert row.letter
    return (row.source.uri, row.letter.number)


@dataclass
class Known:
    """Of all files. Mails of `held` files and others are never of one thread."""

    held: frozenset[str] = frozenset()
    names: "Names" = field(default_factory=lambda: Names())
    letters: dict[Key, Place] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    thread_of: dict[Key, Key] = field(default_factory=dict)
    left: Counter[Key] = field(default_factory=Counter)
    senders: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    days: dict[ThreadKey, list[str]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[ThreadKey, list[Row]] = field(default_factory=lambda: defaultdict(list))
    waiting: dict[Key, list[tuple[Letter, list[Row]]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Row) -> None:
        if row.names:
            self.names.of_folder[row.source.uri.rpartition("/")[0]] = row.names
        if row.letter:
            self.letters[_key(row)] = Place(row.letter, row.source.uri)
        if row.thread:
            self.days[self._thread_of(row)].append(row.source.uri)

    def settle(self) -> None:
        """Mails, by date, to the thread of what they answer, else of an earlier one of that subject if their
        own is marked as an answer's."""
        by_id: dict[tuple[bool, str], Key] = {}
        by_subject: dict[tuple[bool, str], Key] = {}
        ordered = sorted(self.letters.items(), key=lambda one: (one[1].letter.at or LONG_AGO, one[0]))
        for key, (letter, uri) in ordered:
            held = uri in self.held
            subject = (held, letter.subject.casefold())
            thread = next((by_id[held, id] for id in reversed(letter.above) if (held, id) in by_id), None)
            if thread is None and letter.answers:
                thread = by_subject.get(subject)
            thread = thread or key
            self.thread_of[key] = thread
            self.left[thread] += 1
            self.senders[thread].add(letter.sender)
            by_subject.setdefault(subject, thread)
            for id in (letter.id, *letter.above):
                by_id.setdefault((held, id), thread)
            if letter.name:
                self.called.setdefault(letter.sender, letter.name)

    def mail(self, key: Key, parts: Sequence[Row]) -> Iterator[Row | Drop]:
        texts, removed = own_words([row.text for row in parts])
        yield from (Drop(source=parts[0].source, reason=one.rule, excerpt=one.text[:200]) for one in removed)
        own = [row.model_copy(update={"text": text, "letter": None})
               for row, text in zip(parts, texts, strict=True) if text.strip()]  # fmt: skip
        thread = self.thread_of[key]
        if len(self.senders[thread]) < 2 or "" in self.senders[thread]:
            yield from own
            return
        self.waiting[thread].append((self.letters[key].letter, own))
        self.left[thread] -= 1
        if not self.left[thread]:
            yield from self._conversation(self.waiting.pop(thread))

    def _conversation(self, mails: list[tuple[Letter, list[Row]]]) -> Iterator[Row]:
        mails = sorted(mails, key=lambda mail: mail[0].at or LONG_AGO)
        told = [(letter, own) for letter, own in mails if own]
        if len({letter.sender for letter, _ in told}) < 2:
            yield from (row for _, own in told for row in own)
            return
        said = [
            Said(self._speaker(letter.sender), "\n\n".join(row.text for row in own), number)
            for number, (letter, own) in enumerate(told, 1)
        ]
        heading = told[0][1][0].heading[:1]
        for row in joined(said, [own[0].source for _, own in told]):
            yield row.model_copy(update={"heading": heading})

    def _thread_of(self, row: Row) -> ThreadKey:
        """Files of one folder are of one channel; held-out ones and others are never joined."""
        assert row.thread
        uri = row.source.uri
        return uri.rpartition("/")[0], uri in self.held, row.thread.id

    def part(self, row: Row) -> Iterator[Row]:
        """Of a thread in a chat: the whole of it, once the last part is there."""
        if not row.thread:
            yield row
            return
        key = self._thread_of(row)
        self.parts[key].append(row)
        if len(self.parts[key]) < len(self.days[key]):
            return
        parts = sorted(self.parts.pop(key), key=lambda part: (part.thread and part.thread.at) or LONG_AGO)
        turns = [
            (speaker, message.content, part.source)
            for part in parts
            for speaker, message in zip(part.speakers, part.messages, strict=True)
        ]
        said = [Said(speaker, text, number) for number, (speaker, text, _) in enumerate(turns, 1)]
        yield from joined(said, [source for _, _, source in turns])

    def _speaker(self, address: str) -> str:
        name = self.called.get(address, "")
        return f"{name} <{address}>" if name and name != address else address


def joined(said: Sequence[Said], sources: Sequence[Source]) -> Iterator[Row]:
    """What was said, numbered from 1, in conversations that name all of their sources."""
    made = list(rows(said, sources[0]))
    starts = [(row.source.element or 1) - 1 for row in made]
    for row, start, end in zip(made, starts, [*starts[1:], len(sources)], strict=True):
        first, *others = dict.fromkeys(sources[start:end])
        yield row.model_copy(update={"source": first, "also": tuple(others)})


@dataclass
class Names:
    """Of the people of chats, by the folder that their chat lies in."""

    of_folder: dict[str, dict[str, str]] = field(default_factory=dict)

    def told(self, row: Row) -> Iterator[Row | Drop]:
        """With the people of a chat by name, and with what people say in turns as a conversation."""
        if row.names:
            yield Drop(source=row.source, reason=LISTED, excerpt=", ".join(row.names.values())[:200])
        elif row.text:
            yield from spoken(row)
        elif row.speakers:
            yield self._with_names(row)
        elif row.fields:
            yield from spoken_in_cell(row)
        else:
            yield row

    def _with_names(self, row: Row) -> Row:
        roots = (root for root in _above(row.source.uri) if root in self.of_folder)
        names = next((self.of_folder[root] for root in roots), {})
        if not names and not any("@" in message.content for message in row.messages):
            return row

        def mentioned(match: re.Match[str]) -> str:
            if match[1] in names:
                return f"@{names[match[1]]}"
            return "" if ID.fullmatch(match[1]) else match[0]

        messages = tuple(
            message.model_copy(update={"content": MENTION.sub(mentioned, message.content).strip()})
            for message in row.messages
        )
        speakers = tuple(names.get(speaker, speaker) for speaker in row.speakers)
        return row.model_copy(update={"messages": messages, "speakers": speakers})


def _above(uri: str) -> Iterator[str]:
    while "/" in uri:
        uri = uri.rpartition("/")[0]
        yield uri
