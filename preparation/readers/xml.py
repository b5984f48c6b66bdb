"""XML: records where it holds lists of them, otherwise its text under its titles. No entity is resolved."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from preparation.readers import Unreadable, json_document, outline, shapes, undamaged
from preparation.readers.document import Block, rows
from preparation.readers.package import declares_entities
from records import Drop, Row, Source

LARGEST = 1 << 27  # bytes; parsed, such a file takes ten times as much memory
TITLES = frozenset(("title", "head", "heading", "subject", "name"))
PARAGRAPHS = frozenset(
    ("p", "para", "paragraph", "simpara", "line", "l", "ab", "li", "item", "listitem", "code", "quote")
)
DEEPEST = 200


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    if path.stat().st_size > LARGEST:
        raise Unreadable(
            "It is larger than the 128 MB that an XML file may have", "split it, or write it as JSON Lines"
        )
    with undamaged("XML"):
        root = _parsed(path)
        written = _is_written(root)
        items = list(rows(_sections(root, 0), source)) if written else list(_records(root, source))
    if not items:
        raise Unreadable("It holds no text")
    yield from items


def _parsed(path: Path) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        recover=True,
    )
    root = etree.parse(str(path), parser).getroot()
    if root is None:
        raise Unreadable("The XML is damaged", "correct it")
    if declares_entities(root):
        raise Unreadable(
            "It declares entities, by which a small file can unfold to anything", "write them out"
        )
    return root


def _is_written(root: Any) -> bool:
    """Whether it is a document for people: paragraphs, or words around elements."""
    paragraphs = mixed = leaves = 0
    for element in root.iter(etree.Element):
        children = len(element) > 0
        name = _name(element)
        paragraphs += name in PARAGRAPHS and bool("".join(element.itertext()).strip())
        mixed += children and any((child.tail or "").strip() for child in element)
        leaves += not children
    return 4 * (paragraphs + 2 * mixed) > leaves


def _name(element: Any) -> str:
    return str(etree.QName(element).localname).lower() if isinstance(element.tag, str) else ""


def _sections(element: Any, depth: int) -> Iterator[Block]:
    """Titles as headings of their depth, everything else that holds words as a paragraph."""
    for child in element.iterchildren(etree.Element):
        words = " ".join("".join(child.itertext()).split())
        if not words:
            continue
        name = _name(child)
        if name in TITLES:
            yield Block(words, min(depth + 1, 6))
        elif _is_leaf(child) or depth > DEEPEST:
            yield Block(f"- {words}" if name in ("li", "item", "listitem") else words)
        else:
            yield from _sections(child, depth + 1)


def _is_leaf(element: Any) -> bool:
    """Whether it holds words itself, or nothing but inline elements."""
    if _name(element) in PARAGRAPHS and not any(
        _name(below) in PARAGRAPHS for below in element.iterdescendants()
    ):
        return True
    own = [element.text, *(child.tail for child in element)]
    return any((words or "").strip() for words in own) or len(element) == 0


def _records(root: Any, source: Source) -> Iterator[Row | Drop]:
    value = _value(root)
    found = json_document.records(value)
    if found is None:
        yield from outline.rows(value, source.uri)
    else:
        numbered = enumerate(found, 1)
        yield from shapes.rows(
            shapes.Found(Source(uri=source.uri, element=at), item) for at, item in numbered
        )


def _value(element: Any) -> Any:
    """An element as JSON: its attributes and children by name, children of the same name as a list."""
    children: dict[str, list[Any]] = defaultdict(list)
    for name, value in element.attrib.items():
        children[str(etree.QName(name).localname)].append(value)
    for child in element.iterchildren(etree.Element):
        children[str(etree.QName(child).localname)].append(_value(child))
    words = "".join(element.itertext()).strip() if _is_leaf(element) else ""
    if not children or (words and not element.attrib):
        return words
    if words:
        children["text"].append(words)
    return {name: values[0] if len(values) == 1 else values for name, values in children.items()}
