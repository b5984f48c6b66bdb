"""A mail: what its writer wrote, under its subject; what is attached are sources of their own.

`told` serves mailboxes too. Quoted mail and signatures stay here; `conversations.gathering` takes them away.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_binary_file, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, cast

from preparation.readers import Member, Unreadable, undamaged
from preparation.readers.document import Block, rows
from preparation.readers.markup import blocks, parsed
from records import Drop, Letter, Row, Source

LARGEST = 1 << 28
MOST_PARTS = 1000
REPLY = re.compile(r"^\s*(?:(?:re|aw|sv|fw|fwd|wg|tr|rv|antw|vs)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
UNPRINTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Mail(NamedTuple):
    letter: Letter
    blocks: list[Block]
    attached: list[tuple[str, bytes]]


def read(path: Path, source: Source) -> Iterator[Row | Drop | Member]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 256 MB that a mail may have", "save its attachments alone")
    with undamaged("mail"):
        with open(path, "rb") as file:
            message = message_from_binary_file(file, policy=policy.default)
        if page := _saved_page(message, source):
            # loaded late: it takes longer than the mail
            from preparation.readers.html import page_rows

            items: list[Row | Drop] = list(page_rows(page, source))
            attached = []
        else:
            mail = told(message)
            items = list(letter_rows(mail, source))
            attached = mail.attached
    yield from items
    yield from (Member(name, BytesIO(content)) for name, content in attached)


def letter_rows(mail: Mail, source: Source) -> Iterator[Row | Drop]:
    """Each row with the head of the mail."""
    for item in rows(mail.blocks, source, mail.letter.subject):
        yield item.model_copy(update={"letter": mail.letter}) if isinstance(item, Row) else item


def letter(subject: str, sender: str, date: datetime | None, id: str, above: str) -> Letter:
    """The head of a mail from its header fields as they are written."""
    address = re.search(r"[\w.+-]+@[\w.-]+", sender)
    name = re.sub(r"<[^<>]*>|[\"'<>]", "", sender).strip() if address else sender
    plain = REPLY.sub("", subject).strip()
    return Letter(
        sender=(address[0] if address else sender).lower(),
        name=name if not address or name.lower() != address[0].lower() else "",
        subject=plain,
        answers=plain != subject.strip(),
        id=id,
        above=tuple(re.findall(r"<[^<>\s]+>", above)),
        at=date if date is None or date.tzinfo else date.replace(tzinfo=UTC),
    )


def told(message: EmailMessage) -> Mail:
    """What a parsed mail says. Broken headers are empty, a broken body is left out."""
    head = letter(
        _header(message, "subject"),
        _header(message, "from"),
        _date(_header(message, "date")),
        _header(message, "message-id"),
        f"{_header(message, 'references')} {_header(message, 'in-reply-to')}",
    )
    return Mail(head, *_parts(message))


def _header(message: EmailMessage, name: str) -> str:
    try:
        return UNPRINTED.sub("", " ".join(str(message.get(name, "")).split()))
    except (ValueError, LookupError, AttributeError, TypeError):
        return ""


def _date(written: str) -> datetime | None:
    try:
        return parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _saved_page(message: EmailMessage, source: Source) -> str:
    """The page, if the mail is none but a page that a browser saved."""
    if not source.uri.lower().endswith((".mht", ".mhtml")):
        return ""
    parts = [part for part in message.walk() if part.get_content_type() == "text/html"]
    return _content(parts[0]) if parts else ""


def _parts(message: EmailMessage) -> tuple[list[Block], list[tuple[str, bytes]]]:
    chosen = _body(message)
    text = _blocks(chosen) if chosen is not None else []
    attached: list[tuple[str, bytes]] = []
    for number, part in enumerate(_walk(message, chosen)):
        if number >= MOST_PARTS:
            break
        name, content = _name(part, number), _payload(part)
        inline = part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment"
        if content and not inline:
            attached.append((name, content))
    return text, attached


def _body(message: EmailMessage) -> EmailMessage | None:
    """Plain text is what the writer's program made of it; HTML where that is missing or only a stub."""
    plain, page = (_first(message, kind) for kind in ("plain", "html"))
    if plain is None or page is None:
        return page if plain is None else plain
    return page if 4 * len(_content(plain).split()) < len(_content(page).split()) / 4 else plain


def _first(message: EmailMessage, kind: str) -> EmailMessage | None:
    try:
        return cast("EmailMessage | None", message.get_body((kind,)))
    except (ValueError, LookupError, AttributeError, TypeError, KeyError):
        return None


def _walk(message: EmailMessage, chosen: EmailMessage | None) -> Iterator[EmailMessage]:
    """What is attached: leaves that are not the text, and mails in the mail as a whole."""
    if message is chosen:
        return
    if message.get_content_type() == "message/rfc822" and message.get_content_disposition() == "attachment":
        yield message
    elif message.is_multipart():
        alternative = message.get_content_type() == "multipart/alternative"
        for part in cast("list[Any]", message.get_payload()):
            if not (alternative and part is not chosen and not part.is_multipart()):
                yield from _walk(part, chosen)
    elif message.get_content_disposition() == "attachment" or message.get_filename():
        yield message


def _name(part: EmailMessage, number: int) -> str:
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, AttributeError, TypeError):
        name = ""
    ending = ".eml" if part.get_content_type() == "message/rfc822" else ""
    plain = UNPRINTED.sub("", re.split(r"[/\\]", name)[-1]).strip(". ")
    return plain or f"attachment-{number + 1}{ending}"


def _payload(part: EmailMessage) -> bytes:
    if part.is_multipart():
        inside = cast("list[Any]", part.get_payload())
        return inside[0].as_bytes() if inside else b""
    return cast("bytes | None", part.get_payload(decode=True)) or b""


def _content(part: EmailMessage) -> str:
    content = cast("bytes | None", part.get_payload(decode=True)) or b""
    charset = str(part.get_content_charset() or "utf-8")
    try:
        return content.decode(charset)
    except (LookupError, UnicodeDecodeError):
        return content.decode("utf-8", "stray_bytes")


def _blocks(part: EmailMessage) -> list[Block]:
    text = _content(part)
    if part.get_content_type() == "text/html":
        root = parsed(text)
        return [] if root is None else list(blocks(root))
    return plain_blocks(text, flowed=str(part.get_param("format", "")).lower() == "flowed")


def plain_blocks(text: str, flowed: bool = False) -> list[Block]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if flowed:
        text = re.sub(r"(?<=\S) \n(?![>\s-])", " ", text)
    return [Block(part) for part in re.split(r"\n[ \t]*\n", text)]
