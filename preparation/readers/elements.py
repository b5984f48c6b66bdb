"""Documents that unstructured has taken apart: one JSON object an element, put together again."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from preparation.readers import excerpt
from preparation.readers.document import Block, fenced, rows
from preparation.readers.markup import blocks, parsed
from records import Drop, Row, Source

NAMED = frozenset(("type", "element_id", "text"))
AROUND = frozenset(("Header", "Footer", "PageNumber", "PageBreak"))
REASON = "page header, footer or number"


def is_element(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= NAMED and isinstance(value["text"], str)


def document(found: Iterable[tuple[Source, Mapping[str, Any]]]) -> Iterator[Row | Drop]:
    """The elements of each file that they were taken from under its headings."""
    for _, elements in groupby(found, key=lambda one: str(_about(one[1]).get("filename") or "")):
        kept: list[Block] = []
        source: Source | None = None
        for place, element in elements:
            source = source or Source(uri=place.uri)
            if element["type"] not in AROUND:
                kept.extend(_blocks(element))
            elif element["text"].strip():
                yield Drop(source=place, reason=REASON, excerpt=excerpt(element["text"]))
        if source:
            yield from rows(kept, source)


def _about(element: Mapping[str, Any]) -> Mapping[str, Any]:
    about = element.get("metadata")
    return about if isinstance(about, dict) else {}


def _blocks(element: Mapping[str, Any]) -> Iterator[Block]:
    text, about = element["text"].strip(), _about(element)
    number, depth = about.get("page_number"), about.get("category_depth")
    page = number if isinstance(number, int) and number > 0 else None
    match element["type"]:
        case "Title":
            yield Block(text, 1 + (depth if isinstance(depth, int) and 0 <= depth < 6 else 0), page)
        case "ListItem":
            yield Block(f"- {text}", page=page)
        case "CodeSnippet":
            yield Block(fenced(text), page=page)
        case "Table" if isinstance(about.get("text_as_html"), str):
            root = parsed(about["text_as_html"])
            yield from (block._replace(page=page) for block in (blocks(root) if root is not None else ()))
        case _:
            yield Block(text, page=page)
