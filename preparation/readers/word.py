"""Word documents: headings by style or outline level, lists by numbering, tables; not what was deleted.

Read from the XML itself: mammoth and python-docx give no more, and mammoth takes fifty times as long. Headers
and footers of pages, comments and the table of contents are not the text; notes come last.
"""

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preparation.readers import Unreadable, package, undamaged
from preparation.readers.document import Block, fenced, rows, table
from records import Drop, Row, Source

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
VAL = f"{W}val"
CODE = re.compile(r"code|preformatted|listing|macro text|plain text", re.IGNORECASE)
SKIPPED = frozenset(
    f"{W}{name}" for name in ("del", "moveFrom", "pPr", "rPr", "instrText", "delText", "object", "pict")
)
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
MATHS = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MARKS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
PLAIN = frozenset(("bullet", "none"))
TITLE = -1  # the level of what stands above all headings


@dataclass(frozen=True)
class Style:
    """What a style says of its paragraphs; `numbering` is a list and a level in it."""

    level: int = 0
    title: bool = False
    contents: bool = False
    code: bool = False
    numbering: tuple[str, int] | None = None


@dataclass
class Book:
    """What the document's other parts say, and how far its lists have counted."""

    styles: dict[str, Style]
    formats: dict[tuple[str, int], str]
    counts: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with undamaged("Word document"), package.opened(path, "Word document") as archive:
        name = next(
            (name for name in archive.namelist() if re.fullmatch(r"word/document\d*\.xml", name)), None
        )
        if name is None:
            raise Unreadable(
                "The Word document holds no text part", "open it in its program and save it anew"
            )
        book = Book(_styles(archive), _formats(archive))
        body = package.xml(archive.read(name)).find(f"{W}body")
        found = [] if body is None else list(_blocks(body, book))
        for part in ("word/footnotes.xml", "word/endnotes.xml"):
            found += _notes(archive, part, book)
        titles = [block for block in found if block.level == TITLE]
        title = " ".join(titles[0].text.split()) if len(titles) == 1 else ""
        kept = [block._replace(level=1) if block.level == TITLE else block for block in found]
        items = list(
            rows((block for block in kept if not title or block.text != titles[0].text), source, title)
        )
    yield from items


def _styles(archive: zipfile.ZipFile) -> dict[str, Style]:
    if "word/styles.xml" not in archive.namelist():
        return {}
    written = {
        style.get(f"{W}styleId"): style
        for style in package.xml(archive.read("word/styles.xml")).iter(f"{W}style")
    }
    return {name: _style(style, written) for name, style in written.items() if name}


def _style(style: Any, written: dict[str, Any]) -> Style:
    """A style with what it takes over from those it is based on."""
    level, numbering = 0, None
    name = _value(style, "name").lower()
    at: Any = style
    for _ in range(20):
        own = _value(at, "name").lower()
        outline = _value(at, "pPr", "outlineLvl")
        if not level and re.fullmatch(r"heading [1-9]", own):
            level = int(own[-1])
        elif not level and outline.isdigit() and int(outline) < 9:
            level = int(outline) + 1
        numbering = numbering or _numbering(at.find(f"{W}pPr"))
        at = written.get(_value(at, "basedOn"))
        if at is None:
            break
    contents = name.startswith(("toc ", "table of figures", "index "))
    return Style(0 if contents else level, name == "title", contents, bool(CODE.search(name)), numbering)


def _value(element: Any, *path: str) -> str:
    for name in path:
        element = element.find(f"{W}{name}") if element is not None else None
    return "" if element is None else element.get(VAL, "")


def _numbering(properties: Any) -> tuple[str, int] | None:
    number = _value(properties, "numPr", "numId")
    level = _value(properties, "numPr", "ilvl")
    return (number, int(level) if level.isdigit() else 0) if number else None


def _formats(archive: zipfile.ZipFile) -> dict[tuple[str, int], str]:
    """How each level of each list is marked: `bullet`, `decimal` and so on."""
    if "word/numbering.xml" not in archive.namelist():
        return {}
    root = package.xml(archive.read("word/numbering.xml"))
    kinds = {one.get(f"{W}abstractNumId"): one for one in root.iter(f"{W}abstractNum")}
    formats = {}
    for number in root.iter(f"{W}num"):
        kind = kinds.get(_value(number, "abstractNumId"))
        for level in () if kind is None else kind.iter(f"{W}lvl"):
            at = level.get(f"{W}ilvl", "0")
            formats[number.get(f"{W}numId", ""), int(at) if at.isdigit() else 0] = _value(level, "numFmt")
    return formats


def _blocks(parent: Any, book: Book) -> Iterator[Block]:
    """The blocks of a body; items of one list together, and lines of code."""
    held: list[str] = []
    holding = ""
    for element in _parts(parent):
        if element.tag == f"{W}tbl":
            found, kind = Block(_table(element)), ""
        else:
            found, kind = _paragraph(element, book)
        deeper = kind in ("points", "numbers") and holding in ("points", "numbers") and found.text[0] == " "
        if held and kind != holding and not deeper:
            yield _closed(held, holding == "code")
            held = []
        if kind:
            held.append(found.text)
            holding = holding if deeper else kind
        elif found.text.strip():
            yield found
            yield from (Block(box) for box in _boxes(element, book))
    if held:
        yield _closed(held, holding == "code")


def _closed(lines: list[str], code: bool) -> Block:
    return Block(fenced("\n".join(lines).strip("\n")) if code else "\n".join(lines))


def _parts(parent: Any) -> Iterator[Any]:
    """Paragraphs and tables, those in content controls and insertions too."""
    for child in parent:
        if child.tag in (f"{W}p", f"{W}tbl"):
            yield child
        elif child.tag in (
            f"{W}sdt",
            f"{W}sdtContent",
            f"{W}ins",
            f"{W}moveTo",
            f"{W}customXml",
            f"{W}smartTag",
        ):
            yield from _parts(child)


def _paragraph(element: Any, book: Book) -> tuple[Block, str]:
    """A paragraph as a block, and `points`, `numbers` or `code` if it belongs with those around it."""
    properties = element.find(f"{W}pPr")
    style = book.styles.get(_value(properties, "pStyle"), Style())
    text = _text(element)
    outline = _value(properties, "outlineLvl")
    level = int(outline) + 1 if outline.isdigit() and int(outline) < 9 else style.level
    if style.contents:
        return Block(""), ""
    if style.title:
        return Block(text, TITLE), ""
    if style.code:
        return Block(text.rstrip("\n")), "code"
    words = "\n".join(" ".join(line.split()) for line in text.split("\n")).strip("\n")
    if level:
        return Block(words, min(level, 9)), ""
    numbering = _numbering(properties) or style.numbering
    if numbering and numbering[0] != "0" and words:
        item = _item(words, numbering, book)
        return Block(item), "points" if item.lstrip().startswith("- ") else "numbers"
    return Block(words), ""


def _item(words: str, numbering: tuple[str, int], book: Book) -> str:
    number, level = numbering
    format = book.formats.get(numbering, "bullet")
    book.counts[numbering] += 1
    for deeper in range(level + 1, 9):
        book.counts[number, deeper] = 0
    mark = "-" if format in PLAIN else f"{book.counts[numbering]}."
    indent = "   " * level
    return f"{indent}{mark} " + words.replace("\n", f"\n{indent}{' ' * (len(mark) + 1)}")


def _text(element: Any) -> str:
    """The words of a paragraph, text boxes in it aside."""
    parts: list[str] = []
    for child in element:
        if child.tag in SKIPPED or child.tag == FALLBACK or child.tag == f"{W}drawing":
            continue
        if child.tag in (f"{W}t", f"{MATHS}t"):
            parts.append(child.text or "")
        elif child.tag in MARKS:
            parts.append(MARKS[child.tag] if child.get(f"{W}type") != "page" else "")
        elif child.tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
            parts.append(f"[{child.get(f'{W}id')}]")
        else:
            parts.append(_text(child))
    return "".join(parts)


def _boxes(element: Any, book: Book) -> Iterator[str]:
    for box in element.iter(f"{W}txbxContent"):
        if next(box.iterancestors(FALLBACK), None) is None:
            yield "\n\n".join(block.text for block in _blocks(box, book))


def _table(element: Any) -> str:
    lines = []
    for row in element.iterchildren(f"{W}tr", f"{W}sdt"):
        line: list[str] = []
        for cell in row.iter(f"{W}tc"):
            if next(cell.iterancestors(f"{W}tbl")) is not element:
                continue
            merge = cell.find(f"{W}tcPr/{W}vMerge")
            below = merge is not None and merge.get(VAL, "continue") == "continue"
            width = _value(cell.find(f"{W}tcPr"), "gridSpan")
            words = "" if below else "\n".join(_in_cell(cell))
            line += [words, *[""] * (min(int(width), 50) - 1 if width.isdigit() else 0)]
        lines.append(line)
    if sum(bool(cell) for line in lines for cell in line) == 1 or all(len(line) == 1 for line in lines):
        # a frame around text
        return "\n\n".join(cell for line in lines for cell in line if cell)
    return table(lines)


def _in_cell(cell: Any) -> Iterator[str]:
    """The lines of a cell; a table in it is one of them."""
    for part in _parts(cell):
        inner = [part] if part.tag == f"{W}p" else part.iter(f"{W}p")
        if words := " ".join(" ".join(map(_text, inner)).split()):
            yield words


def _notes(archive: zipfile.ZipFile, part: str, book: Book) -> list[Block]:
    if part not in archive.namelist():
        return []
    notes = []
    for note in package.xml(archive.read(part)):
        words = " ".join(" ".join(_text(paragraph).split()) for paragraph in note.iter(f"{W}p")).strip()
        if words and note.get(f"{W}type", "normal") == "normal":
            notes.append(Block(f"[{note.get(f'{W}id')}] {words}"))
    return notes
