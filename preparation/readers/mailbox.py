"""A mailbox file: its mails by thread. A thread of several people is a conversation, others are texts."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from preparation.readers import Member, Unreadable, conversation, undamaged
from preparation.readers.conversation import Said
from preparation.readers.document import rows
from preparation.readers.mail import Mail, plain_subject, told
from records import Drop, Row, Source

LARGEST = 1 << 31
LARGEST_MAIL = 1 << 26
FROM = re.compile(rb"From \S.*\d{4}\s*$|From - |From \S+@\S+ ")
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
        items = [item for thread in threads for item in _thread(thread, source)]
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


def _thread(thread: Sequence[Numbered], source: Source) -> Iterator[Row | Drop]:
    said = [Said(at.mail.sender, _own_words(at.mail), at.number) for at in thread]
    if len({one.speaker for one in said if one.text}) > 1:
        yield from (
            row.model_copy(update={"heading": (plain_subject(thread[0].mail.subject),)})
            for row in conversation.rows(said, source)
        )
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
