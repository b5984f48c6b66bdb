"""The text in nested JSON: what has a title is a section of it, other long strings stand under their keys."""

from collections.abc import Iterator
from typing import Any

from preparation.readers import Unreadable
from preparation.unmarking import plain
from records import Row, Source

TITLES = ("title", "heading", "headline", "header", "name", "subject", "question", "topic", "term")
TEXTS = (
    "text", "content", "body", "abstract", "summary", "introduction", "intro", "description", "definition",
    "answer", "value", "details", "paragraphs", "paragraph", "lines", "markdown", "notes", "conclusion",
)  # fmt: skip
CHILDREN = frozenset(
    (
        "sections",
        "subsections",
        "chapters",
        "children",
        "pages",
        "articles",
        "paragraphs",
        "parts",
        "topics",
        "blocks",
    )
)
PLAIN = CHILDREN | frozenset(
    (
        "data",
        "items",
        "list",
        "entries",
        "results",
        "records",
        "documents",
        "docs",
        "nodes",
        "elements",
        "content",
    )
)
LONGEST_TITLE = 160
LONG = 40  # characters of a string that is more than a name or a code

Path = tuple[str, ...]


def rows(document: Any, uri: str) -> Iterator[Row]:
    number = 0
    for number, (heading, text) in enumerate(_sections(document, ()), 1):
        if text := plain(text):
            yield Row(source=Source(uri=uri, element=number), text=text, heading=heading)
    if number == 0:
        raise Unreadable("It holds neither records nor text", "give a list of objects with the same keys")


def is_document(value: dict[str, Any]) -> bool:
    """Whether an object says of itself that it has sections."""
    below = (below for key, below in value.items() if key.casefold() in CHILDREN)
    return any(children for children in below if isinstance(children, (list, dict)))


def is_section(value: dict[str, Any]) -> bool:
    """Whether an object has a title and a text, and is no pair of question and answer."""
    asked = _title(value) in (None, "question", "term")
    return not asked and any(_words(value[key]) for key in TEXTS if key in value)


def _sections(value: Any, above: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        yield from _object(value, above)
    elif words := _words(value):
        if len(words) >= LONG and " " in words:
            yield above, words
    elif isinstance(value, list):
        for item in value:
            yield from _sections(item, above)


def _object(value: dict[str, Any], above: Path) -> Iterator[tuple[Path, str]]:
    title = _title(value)
    here = (*above, value[title].strip()) if title else above
    texts = {key: words for key in TEXTS if key != title and (words := _words(value.get(key)))}
    body = "\n\n".join(texts.values())
    if body and (title or len(body) >= LONG):
        yield here, body
    for key, below in value.items():
        if key == title or key in texts:
            continue
        named = key.casefold() in PLAIN or key.isdigit() or (isinstance(below, dict) and _title(below))
        yield from _sections(below, here if named else (*here, key.replace("_", " ").strip()))


def _title(value: dict[str, Any]) -> str | None:
    """The key of the title."""
    for key in TITLES:
        title = value.get(key)
        if isinstance(title, str) and 0 < len(title.strip()) <= LONGEST_TITLE:
            return key
    return None


def _words(value: Any) -> str:
    """The text of a string, or of a list of nothing but strings."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return "\n\n".join(item.strip() for item in value if item.strip())
    return ""
