"""OpenDocument texts and presentations: their XML turned into the HTML it means."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree, html

from preparation.readers import package, undamaged
from preparation.readers.document import rows
from preparation.readers.markup import blocks
from records import Drop, Row, Source

TAGS = {
    "p": "p", "list": "ul", "list-item": "li", "list-header": "li", "table": "table", "table-row": "tr",
    "table-cell": "td", "line-break": "br", "page": "section", "note-body": "aside",
}  # fmt: skip
SKIPPED = frozenset(
    (
        "annotation", "tracked-changes", "sequence-decls", "forms", "table-of-content", "note-citation",
        "bookmark", "alphabetical-index", "illustration-index", "table-index", "object-index", "image",
        "title", "desc",
    )
)  # fmt: skip
MOST_COPIES = 100  # of a cell or row that stands for several


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with undamaged("document"), package.opened(path, "document") as archive:
        root = package.xml(archive.read("content.xml"))
        numbered = _numbered(root)
        body = root.find("{*}body")
        found = html.Element("div")
        for child in body if body is not None else ():
            _turned(child, found, numbered, 0)
        items = list(rows(blocks(found), source))
    yield from items


def _numbered(root: Any) -> set[str]:
    """The list styles whose first level counts."""
    styles = (
        style for style in root.iter("{*}list-style") if style.find("{*}list-level-style-number") is not None
    )
    return {style.get(f"{{{style.nsmap['style']}}}name") for style in styles if "style" in style.nsmap}


def _turned(element: Any, parent: Any, numbered: set[str], depth: int) -> None:
    name = etree.QName(element).localname
    if name in SKIPPED or depth > 100:
        return
    into = parent
    if name == "h":
        level = _attribute(element, "outline-level")
        into = html.etree.SubElement(
            parent, f"h{min(int(level), 6) if level.isdigit() and int(level) else 1}"
        )
    elif name == "s":
        _append(parent, " ")
    elif name == "tab":
        _append(parent, "\t")
    elif name in TAGS:
        tag = "ol" if name == "list" and _attribute(element, "style-name") in numbered else TAGS[name]
        into = html.etree.SubElement(parent, tag)
        for given, written in (("number-columns-spanned", "colspan"), ("number-rows-spanned", "rowspan")):
            if value := _attribute(element, given):
                into.set(written, value)
    _append(into, element.text or "")
    for child in element.iterchildren(tag=etree.Element):
        for _ in range(_copies(child)):
            _turned(child, into, numbered, depth + 1)
        _append(into, child.tail or "")


def _copies(element: Any) -> int:
    """A cell or row that is repeated is written once; empty ones fill the rest of a sheet."""
    value = _attribute(element, "number-columns-repeated") or _attribute(element, "number-rows-repeated")
    filled = any(words.strip() for words in element.itertext())
    return min(int(value), MOST_COPIES) if value.isdigit() and filled else 1


def _attribute(element: Any, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.endswith("}" + name)), "")


def _append(element: Any, words: str) -> None:
    if not words:
        return
    if len(element):
        element[-1].tail = (element[-1].tail or "") + words
    else:
        element.text = (element.text or "") + words
