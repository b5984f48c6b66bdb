"""Tables in which a row is one message of a conversation: put together again by the column that says of which
one, or by what each message answers. Learned from row by row, they would teach who says such a thing."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

from preparation.readers import Member, conversation, excerpt
from preparation.readers.conversation import Said
from preparation.readers.shapes import ROLES
from records import Drop, Message, Role, Row

TALKS = (
    "conversation id", "conversation", "conversationid", "conv id", "conversation uuid", "chat id", "chatid",
    "dialogue id", "dialog id", "dialogue", "dialogueid", "session id", "sessionid", "thread id", "thread ts",
    "message tree id", "transcript id", "interaction id", "call id", "ticket id", "ticketid", "case id",
    "parent case id", "ticket", "ticket number", "room id", "channel id",
)  # fmt: skip
WORDS = (
    "message", "text", "content", "body", "utterance", "message text", "message body", "message content",
    "msg", "comment", "comment body", "text body", "textbody", "transcript", "nachricht", "texto", "mensaje",
)  # fmt: skip
SPEAKERS = (
    "role", "sender type", "author type", "speaker type", "sender role", "author role", "participant role",
    "speaker role", "user type", "from type", "direction", "sender", "speaker", "from", "author",
    "participant", "sender name", "author name", "from name", "user", "username", "user name", "name",
    "sender id", "author id", "user id", "absender",
)  # fmt: skip
OWN = ("message id", "tweet id", "id", "messageid", "post id", "comment id")
ABOVE = (
    "parent id", "in response to tweet id", "in reply to", "in reply to id", "reply to", "reply to id",
    "parent message id", "replied to message id", "in reply to status id",
)  # fmt: skip
TIMES = ("timestamp", "created at", "time", "date", "sent at", "datetime", "created", "created date", "sent")
SAID_BY: dict[str, Role] = {
    **ROLES,
    **dict.fromkeys(("inbound", "incoming", "client", "caller", "visitor", "end user", "requester"), "user"),
    **dict.fromkeys(("outbound", "outgoing", "support", "operator", "representative", "admin"), "assistant"),
}
# with one of these a row is an example by itself
COMPLETE = frozenset(
    (
        "answer", "response", "reply", "completion", "output", "label", "labels", "intent", "sentiment",
        "emotion", "act",
    )
)  # fmt: skip
SAMPLE = 300
LEAST = 4
MOST = 200_000  # messages that are held; of a longer table the conversations so far are given
ISO, SECONDS = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d"), re.compile(r"\d{9,}(?:\.\d+)?")
ALTERNATIVE = "another message that answers the same one"
SYSTEM = "a message of the system within a conversation"


class Columns(NamedTuple):
    """Their names; `talk` or `own` and `above` may be empty, and so may `time`."""

    words: str
    speaker: str
    talk: str
    own: str
    above: str
    time: str
    roles: bool


def grouped(items: Iterable[Row | Drop | Member]) -> Iterator[Row | Drop | Member]:
    """The items; where they are rows of such a table, its conversations."""
    stream = iter(items)
    sample: list[Row | Drop | Member] = []
    for item in stream:
        sample.append(item)
        if not isinstance(item, Drop) and not (isinstance(item, Row) and item.fields):
            break
        if len(sample) == SAMPLE:
            break
    columns = _columns([item.fields for item in sample if isinstance(item, Row)])
    everything = chain(sample, stream)
    if columns is None:
        yield from everything
        return
    while part := list(islice(everything, MOST)):
        yield from (item for item in part if not isinstance(item, Row) or not item.fields)
        rows = [item for item in part if isinstance(item, Row) and item.fields]
        by = _by_answers if columns.above else _by_name if columns.talk else _by_turn
        for talk in by(rows, columns):
            if isinstance(talk, Drop):
                yield talk
            else:
                yield from _conversation(talk, columns)


def _columns(sample: Sequence[dict[str, str]]) -> Columns | None:
    if len(sample) < LEAST or not all(sample):
        return None
    names = {_plain(name): name for row in reversed(sample) for name in reversed(row)}
    words = _first(names, WORDS)
    if not words or not COMPLETE.isdisjoint(names) or not any(" " in row.get(words, "") for row in sample):
        return None
    speakers = [names[name] for name in SPEAKERS if name in names and names[name] != words]
    by_role = [
        name
        for name in speakers
        if {"user", "assistant"} <= {SAID_BY.get(_plain(row.get(name, "")), "") for row in sample}
    ]
    speaker = next(iter(by_role or speakers), "")
    if not speaker:
        return None
    found = Columns(
        words, speaker, _first(names, TALKS), _first(names, OWN), _first(names, ABOVE), _first(names, TIMES),
        bool(by_role),
    )  # fmt: skip
    ids = {row.get(found.own, "") for row in sample}
    if found.own and found.above and any(row.get(found.above, "") in ids - {""} for row in sample):
        return found
    found = found._replace(above="")
    talks: dict[str, set[str]] = {}
    for row in sample:
        talks.setdefault(row.get(found.talk, ""), set()).add(row.get(speaker, ""))
    several = sum(len(who) > 1 for talk, who in talks.items() if talk)
    if found.talk and 2 * several >= len(talks) and 3 * len(talks) <= 2 * len(sample):
        return found
    # without ids only what is plainly turns: roles beside texts and nothing else
    return found._replace(talk="") if by_role and set(names) <= {*WORDS, *SPEAKERS, *TIMES, *OWN} else None


def _plain(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))
    return " ".join(re.sub(r"[\W_]+", " ", spaced).casefold().split())


def _first(names: Mapping[str, str], known: Sequence[str]) -> str:
    return next((names[name] for name in known if name in names), "")


def _by_name(rows: Sequence[Row], columns: Columns) -> Iterator[list[Row]]:
    talks: dict[str, list[Row]] = {}
    for row in rows:
        # a message of no conversation is one of its own
        talks.setdefault(row.fields.get(columns.talk, "") or f"\0{row.source}", []).append(row)
    for talk in talks.values():
        stamps = [row.fields.get(columns.time, "") for row in talk]
        if all(map(SECONDS.fullmatch, stamps)):
            talk.sort(key=lambda row: float(row.fields[columns.time]))
        elif all(map(ISO.match, stamps)):
            # what bears one time stays as written
            talk.sort(key=lambda row: row.fields[columns.time])
        yield talk


def _by_turn(rows: Sequence[Row], columns: Columns) -> Iterator[list[Row]]:
    """From each word of the system on; where it says nothing, from each question that follows an answer."""
    told = [SAID_BY.get(_plain(row.fields.get(columns.speaker, "")), "system") for row in rows]
    talk: list[Row] = []
    for row, role, before in zip(rows, told, ["", *told], strict=False):
        begins = role == "system" if "system" in told else (role, before) == ("user", "assistant")
        if begins and talk:
            yield talk
            talk = []
        talk.append(row)
    if talk:
        yield talk


def _by_answers(rows: Sequence[Row], columns: Columns) -> Iterator[list[Row] | Drop]:
    """From each first message on what answers it, the first of several answers."""
    ids = {row.fields.get(columns.own, "") for row in rows}
    below: dict[str, list[Row]] = {}
    first: list[Row] = []
    for row in rows:
        above = row.fields.get(columns.above, "")
        if above and above in ids and above != row.fields.get(columns.own):
            below.setdefault(above, []).append(row)
        else:
            first.append(row)
    for row in first:
        talk = [row]
        while answers := below.pop(talk[-1].fields.get(columns.own, ""), []):
            talk.append(answers[0])
            yield from (_drop(other, ALTERNATIVE, columns) for other in answers[1:])
        yield talk
    yield from (_drop(row, ALTERNATIVE, columns) for left in below.values() for row in left)


def _conversation(talk: Sequence[Row], columns: Columns) -> Iterator[Row | Drop]:
    source = talk[0].source
    told = [(row, row.fields.get(columns.speaker, ""), row.fields.get(columns.words, "")) for row in talk]
    if not columns.roles:
        said = [Said(who, text, 1) for _, who, text in told]
        for row in conversation.rows(said, source):
            yield row.model_copy(update={"source": source})
        return
    messages: list[Message] = []
    for row, who, text in told:
        role = SAID_BY.get(_plain(who), "system")
        if role == "system" and (messages or row is not talk[0]):
            yield _drop(row, SYSTEM, columns)
        elif text:
            messages.append(Message(role=role, content=text))
    if messages:
        yield Row(source=source, messages=tuple(messages))


def _drop(row: Row, reason: str, columns: Columns) -> Drop:
    return Drop(source=row.source, reason=reason, excerpt=excerpt(row.fields.get(columns.words, "")))
