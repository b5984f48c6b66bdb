"""Cells and messages that were written in an editor of a web page hold its markup: made plain text, headings,
lists and tables as Markdown. Where a row speaks of HTML, its markup may be what it is about, and stays."""

import re
from html import unescape

from records import Row

TAG = re.compile(
    r"</?(?:p|div|br|span|ul|ol|li|b|strong|i|em|u|a|h[1-6]|font|table|tbody|thead|tr|td|th|blockquote|hr|img|pre"
    r"|code|figure|sup|sub|center|small|html|body)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
RICH = re.compile(
    r"<(?P<tag>p|div|span|ul|ol|li|b|strong|i|em|u|a|h[1-6]|font|table|blockquote|pre|center|html)(?:\s[^<>]*)?>"
    r".*</(?P=tag)\s*>|<br\s*/?>",
    re.IGNORECASE | re.DOTALL,
)
BLOCKS = re.compile(r"<(?:p|div|br|ul|ol|li|h[1-6]|table|blockquote|pre)\b", re.IGNORECASE)
ENTITY = re.compile(
    r"&(?:nbsp|amp|quot|lt|gt|apos|[lr]squo|[lr]dquo|hellip|[mn]dash|#\d{2,5}|#x[\da-f]{2,5});", re.I
)
ESCAPED = re.compile(r"<pre\b|<code>[^<]*&lt;", re.IGNORECASE)
OF_MARKUP = re.compile(
    r"\b(?:html5?|css|javascript|jsx|xml|bootstrap|tailwind|react|markup|svg)\b", re.IGNORECASE
)


def plain_row(row: Row) -> Row:
    """The same row if it holds no markup, or may be about it."""
    if row.fields:
        values = list(row.fields.values())
        made = _plain(values) if any(map(_may_hold, values)) else values
        if made is not values:
            return row.model_copy(update={"fields": dict(zip(row.fields, made, strict=True))})
    elif any(message.role == "user" and _may_hold(message.content) for message in row.messages):
        values = [message.content for message in row.messages]
        # nobody types markup to ask something: then all of it is from such an editor
        asked = (message.content for message in row.messages if message.role == "user")
        made = _plain(values) if any(is_rich(text) for text in asked) else values
        if made is not values:
            pairs = zip(row.messages, made, strict=True)
            told = tuple(message.model_copy(update={"content": text}) for message, text in pairs)
            return row.model_copy(update={"messages": told})
    return row


def is_rich(text: str) -> bool:
    return "<" in text and "```" not in text and bool(RICH.search(text))


def plain(text: str) -> str:
    """The words of rich text; any other text as it is, but for entities."""
    if not is_rich(text):
        if "<" in text or not ENTITY.search(text):
            return text
        text = unescape(text).replace("\u00a0", " ")
        if not (text.startswith("<") and text.endswith(">") and is_rich(text)):
            return text
    from preparation.readers.markup import blocks, parsed

    if "\n" in text and not BLOCKS.search(text):
        text = text.replace("\n", "<br>")
    root = parsed(text)
    found = () if root is None else blocks(root)
    return "\n\n".join(f"{'#' * block.level} {block.text}".lstrip() for block in found)


def _may_hold(text: str) -> bool:
    return ("<" in text or "&" in text) and (is_rich(text) or bool(ENTITY.search(text)))


def _plain(values: list[str]) -> list[str]:
    """The same list where nothing changes."""
    sure = any(map(ESCAPED.search, values))
    if not sure and any(OF_MARKUP.search(TAG.sub(" ", text)) for text in values):
        return values
    made = [plain(text) for text in values]
    return values if made == values else made
