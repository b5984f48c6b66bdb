"""A mailbox file: its mails one by one; `preparation.conversations.gathering` joins them by thread."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from io import BytesIO
from pathlib import Path

from preparation.readers import Member, Unreadable, undamaged
from preparation.readers.mail import letter_rows, told
from records import Drop, Row, Source

LARGEST = 1 << 31
LARGEST_MAIL = 1 << 26
FROM = re.compile(rb"From \S.*\d{4}\s*$|From - |From \S+@\S+ ")


def read(path: Path, source: Source) -> Iterator[Row | Drop | Member]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 2 GB that a mailbox may have", "split it")
    number = 0
    with undamaged("mailbox"):
        for number, raw in enumerate(_messages(path), 1):
            mail = told(message_from_bytes(raw, policy=policy.default))
            mail = mail._replace(letter=mail.letter.model_copy(update={"number": number}))
            place = Source(uri=source.uri, element=number)
            yield from (item.model_copy(update={"source": place}) for item in letter_rows(mail, source))
            for name, content in mail.attached:
                yield Member(f"{number}/{name}", BytesIO(content))
    if not number:
        raise Unreadable("It holds no mail")


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
