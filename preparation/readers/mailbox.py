"""A mailbox file: its mails by thread. A thread is a conversation where it can be told who answers.

Who answers can be told if one address takes part in nearly all threads that several people started and never
starts one: that of a help desk. Then it speaks as the assistant. Otherwise each mail is a text of its own.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from preparation.readers import Member, Unreadable, undamaged
from preparation.readers.document import rows
from preparation.readers.mail import Mail, plain_subject, told
from records import Drop, Message, Row, Source

LARGEST = 1 << 31
LARGEST_MAIL = 1 << 26
FROM = re.compile(rb"From \S.*\d{4}\s*$|From - |From \S+@\S+ ")
LEAST_THREADS = 3
NEARLY_ALL = 0.8
QUOTED = re.compile(
    r"^(?:>|On .{6,200} wrote:\s*$|Am .{6,200} schrieb .{0,120}:\s*$|Le .{6,200} a écrit\s?:\s*$"
    r"|-{3,} ?Original Message ?-{3,}|-{2,} ?Ursprüngliche Nachricht)",
    re.IGNORECASE,
)
SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)


class Numbered(NamedTuple):
    number: int
    mail: Mail


def read(path: Path, source: Source) -> Iterator[Row | Drop | Member]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 2 GB that a mailbox may have", "split it")
    with undamaged("mailbox"):
        mails = []
        for number, raw in enumerate(_messages(path), 1):
            mail = told(message_from_bytes(raw, policy=policy.default))
            for name, content in mail.attached:
                yield Member(f"{number}/{name}", BytesIO(content))
            mails.append(Numbered(number, mail._replace(attached=[])))
        threads = _threads(mails)
        desk = _desk(threads)
        items = [item for thread in threads for item in _thread(thread, desk, source)]
    if not mails:
        raise Unreadable("It holds no mail")
    yield from items


def _messages(path: Path) -> Iterator[bytes]:
    """Each mail's bytes; a line that begins with "From " begins one only after a blank line."""
    held: list[bytes] = []
    size, blank = 0, True
    with open(path, "rb") as file:
        for line in iter(lambda: file.readline(LARGEST_MAIL), b""):
            if blank and line.startswith(b"From ") and FROM.match(line):
                if held:
                    yield b"".join(held)
                held, size = [], 0
            elif size < LARGEST_MAIL:
                held.append(line[1:] if re.match(rb">+From ", line) else line)
                size += len(line)
            blank = not line.strip()
    if b"".join(held).strip():
        yield b"".join(held)


def _threads(mails: Sequence[Numbered]) -> list[list[Numbered]]:
    """Mails by what they answer, else by subject if that is marked as an answer's; each by date."""
    thread_of: dict[str, int] = {}
    by_subject: dict[str, int] = {}
    threads: dict[int, list[Numbered]] = defaultdict(list)
    for at in mails:
        mail, subject = at.mail, plain_subject(at.mail.subject).casefold()
        answers = subject != mail.subject.casefold()
        known = next((thread_of[id] for id in reversed(mail.above) if id in thread_of), None)
        if known is None and answers:
            known = by_subject.get(subject)
        place = at.number if known is None else known
        threads[place].append(at)
        by_subject.setdefault(subject, place)
        for id in (mail.id, *mail.above):
            thread_of.setdefault(id, place)
    return [sorted(thread, key=lambda at: (at.mail.date, at.number)) for thread in threads.values()]


def _desk(threads: Sequence[Sequence[Numbered]]) -> str:
    """The address that answers the others, or nothing."""
    exchanged = [thread for thread in threads if len({at.mail.sender for at in thread}) == 2]
    asked = Counter(thread[0].mail.sender for thread in exchanged)
    taking_part = Counter(sender for thread in exchanged for sender in {at.mail.sender for at in thread})
    if len(exchanged) < LEAST_THREADS or len(asked) < 2:
        return ""
    sender, count = taking_part.most_common(1)[0]
    return sender if count >= NEARLY_ALL * len(exchanged) and not asked[sender] else ""


def _thread(thread: Sequence[Numbered], desk: str, source: Source) -> Iterator[Row | Drop]:
    senders = {at.mail.sender for at in thread}
    if desk in senders and len(senders) == 2 and thread[0].mail.sender != desk:
        messages = [
            Message(role="assistant" if at.mail.sender == desk else "user", content=written)
            for at in thread
            if (written := _own_words(at.mail))
        ]
        if {message.role for message in messages} == {"user", "assistant"}:
            yield Row(source=Source(uri=source.uri, element=thread[0].number), messages=tuple(messages))
            return
    for at in thread:
        for item in rows(at.mail.blocks, source, plain_subject(at.mail.subject)):
            yield item.model_copy(update={"source": Source(uri=source.uri, element=at.number)})


def _own_words(mail: Mail) -> str:
    """Without what is quoted below, which the conversation holds already, and the signature."""
    lines = "\n\n".join(block.text for block in mail.blocks).split("\n")
    own = [line for line in lines if not line.startswith(">")]
    end = next((at for at, line in enumerate(own) if QUOTED.match(line)), len(own))
    return SIGNATURE.split("\n".join(own[:end]))[0].strip()
