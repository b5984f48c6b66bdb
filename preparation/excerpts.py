"""What a person sees of a row to recognise it."""

from records import Row

EXCERPT = 160


def excerpt(text: str, length: int | None = EXCERPT) -> str:
    if length is None:
        return text
    flat = " ".join(text[: 4 * length].split())
    return flat if len(flat) <= length else f"{flat[: length - 1]}…"


def shown(row: Row, length: int | None = EXCERPT) -> str:
    """What a row says."""
    if row.text:
        return excerpt(row.text, length)
    if row.fields:
        return excerpt(" | ".join(row.fields.values()), length)
    return excerpt(" | ".join(message.content for message in row.messages), length)
