"""Outlook messages, by python-oxmsg: the text under the subject, attachments as sources of their own."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from oxmsg import Message as OutlookMessage

from preparation.readers import Member, Unreadable, undamaged
from preparation.readers.mail import Mail, letter, letter_rows, plain_blocks
from preparation.readers.markup import blocks, parsed
from records import Drop, Letter, Row, Source

LARGEST = 1 << 28
ID, REFERENCES, ANSWERED = 0x1035, 0x1039, 0x1042  # property ids of [MS-OXPROPS]


def read(path: Path, source: Source) -> Iterator[Row | Drop | Member]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 256 MB that a mail may have", "save its attachments alone")
    with undamaged("Outlook message"):
        message = OutlookMessage.load(str(path))
        text = message.body or ""
        root = parsed(message.html_body) if not text.strip() and message.html_body else None
        written = plain_blocks(text) if root is None else list(blocks(root))
        items = list(letter_rows(Mail(_head(message), written, []), source))
        attached = [
            (item.file_name or f"attachment-{at}", item.file_bytes)
            for at, item in enumerate(message.attachments, 1)
        ]
    yield from items
    for name, content in attached:
        if content:
            yield Member(name, BytesIO(content))


def _head(message: OutlookMessage) -> Letter:
    """What was sent and never received has no header, only properties of the same names."""
    heads = {name.casefold(): value for name, value in message.message_headers.items()}

    def told(property: int, header: str) -> str:
        return message.properties.str_prop_value(property) or heads.get(header, "")

    above = f"{told(REFERENCES, 'references')} {told(ANSWERED, 'in-reply-to')}"
    return letter(
        message.subject or "", message.sender or "", message.sent_date, told(ID, "message-id"), above
    )
