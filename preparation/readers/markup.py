"""HTML as blocks of Markdown: headings, lists, tables and code survive; links keep their words alone.

For pages and for the formats that come as HTML or can be turned into it.
"""

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from lxml import html
from lxml.html import HtmlElement

from preparation.readers.document import Block, fenced, table

Keep = Callable[[HtmlElement, str], bool]
SKIPPED = frozenset(
    (
        "script", "style", "head", "template", "noscript", "svg", "iframe", "object", "embed", "canvas",
        "audio", "video", "map", "input", "button", "select", "textarea", "datalist", "dialog", "del", "s",
        "strike",
    )
)  # fmt: skip
INLINE = frozenset(
    (
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "dfn", "em", "font",
        "i", "img", "ins", "kbd", "label", "mark", "math", "nobr", "output", "picture", "q", "rp", "rt",
        "ruby", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
    )
)  # fmt: skip
HEADINGS = {**{f"h{level}": level for level in range(1, 7)}, "summary": 6}
LANGUAGE = re.compile(
    r"(?:^|\s)(?:language|lang|brush|highlight|highlight-source|sourceCode)[-: ]+([\w+#-]+)"
)
WIDEST_SPAN = 50
PARAGRAPHS = re.compile(r"\n\s*\n")


def parsed(document: str | bytes, encoding: str | None = None) -> HtmlElement | None:
    """The root; None for a document of nothing. Entities are never fetched, depth and size are libxml2's."""
    if isinstance(document, str):
        document, encoding = document.encode("utf-8", "replace"), "utf-8"
    parser = html.HTMLParser(encoding=encoding, remove_comments=True, remove_pis=True, no_network=True)
    try:
        return html.document_fromstring(document, parser=parser)
    except (html.etree.ParserError, html.etree.XMLSyntaxError):
        return None


def blocks(root: HtmlElement, keep: Keep | None = None) -> Iterator[Block]:
    """The blocks below `root`, those that `keep(element, text)` does not want left out."""
    yield from _flow(root, keep or (lambda element, text: True))


def _flow(parent: HtmlElement, keep: Keep) -> Iterator[Block]:
    """The blocks in a container: its block children, and runs of inline content as paragraphs."""
    run: list[str] = [parent.text or ""]
    for child in parent:
        if _is_inline(child):
            run.append(_inline(child))
        elif child.tag not in SKIPPED and not _hidden(child):
            yield from _paragraphs(parent, run, keep)
            run = []
            yield from _block(child, keep)
        run.append(child.tail or "")
    yield from _paragraphs(parent, run, keep)


def _paragraphs(parent: HtmlElement, run: list[str], keep: Keep) -> Iterator[Block]:
    for part in PARAGRAPHS.split(_spaced("".join(run))):
        if part.strip() and keep(parent, part):
            yield Block(part.strip())


def _block(element: HtmlElement, keep: Keep) -> Iterator[Block]:
    tag = element.tag
    if tag in HEADINGS:
        words = " ".join(text(element).split())
        if keep(element, words):
            yield Block(words, HEADINGS[tag])
        return
    if tag == "pre":
        found = _code(element)
    elif tag in ("ul", "ol", "menu", "dir"):
        found = "\n".join(_items(element))
    elif tag == "dl":
        found = "\n".join(_terms(element))
    elif tag == "table":
        found = _table(element)
        if not found:
            yield from _flow(element, keep)
    elif tag == "blockquote":
        inner = "\n\n".join(block.text for block in _flow(element, lambda element, text: True))
        found = "\n".join(f"> {line}".rstrip() for line in inner.split("\n")) if inner else ""
    else:
        yield from _flow(element, keep)
        return
    if found.strip() and keep(element, found):
        yield Block(found)


def _is_inline(element: HtmlElement) -> bool:
    if not _may_be_inline(element):
        return False
    return all(_may_be_inline(below) or below.tag in SKIPPED for below in element.iterdescendants())


def _may_be_inline(element: HtmlElement) -> bool:
    """Tags of other vocabularies, `ix:nonNumeric` for instance, stand around words of a line."""
    return element.tag in INLINE or ":" in element.tag


def _hidden(element: HtmlElement) -> bool:
    style = element.get("style")
    return (
        "hidden" in element.attrib
        or element.get("aria-hidden") == "true"
        or (style is not None and "display:none" in style.replace(" ", "").lower())
    )


def _inline(element: HtmlElement) -> str:
    tag = element.tag
    if tag in SKIPPED or _hidden(element):
        return ""
    if tag == "br":
        return "\v"
    if tag in ("img", "wbr", "rp", "rt"):
        return ""
    if tag == "math":
        tex = element.xpath(".//*[local-name()='annotation' and contains(@encoding, 'tex')]/text()")
        return f"${str(tex[0]).strip()}$" if tex else "".join(element.itertext())
    inner = (element.text or "") + "".join(_inline(child) + (child.tail or "") for child in element)
    if tag in ("code", "tt", "kbd", "samp") and inner.strip() and "`" not in inner:
        return f"`{inner.strip()}`"
    return f"“{inner}”" if tag == "q" else inner


def _spaced(raw: str) -> str:
    """White space as a browser shows it; `\v` is a line break that is meant."""
    lines = (" ".join(line.split()) for line in raw.split("\v"))
    return "\n".join(lines).strip("\n")


def text(element: HtmlElement) -> str:
    """The words of an element on as few lines as it has breaks."""
    inner = [element.text or ""]
    for child in element:
        if _is_inline(child):
            inner.append(_inline(child))
        elif child.tag not in SKIPPED and not _hidden(child):
            inner.append(f"\v{text(child)}\v".replace("\n", "\v"))
        inner.append(child.tail or "")
    return re.sub(r"\n{2,}", "\n", _spaced("".join(inner)))


def _code(element: HtmlElement) -> str:
    for mark in element.iter("br"):
        mark.tail = "\n" + (mark.tail or "")
    for mark in list(element.iter("button", "script", "style")):
        mark.drop_tree()
    code = "".join(element.itertext()).replace("\r\n", "\n").strip("\n").rstrip()
    return fenced(code, _language(element)) if code.strip() else ""


def _language(element: HtmlElement) -> str:
    around = [element.getparent(), element, *element.iter("code")]
    for place in around:
        if place is not None and (found := LANGUAGE.search(place.get("class") or "")):
            return "" if found[1] in ("default", "none", "text", "plaintext") else str(found[1])
    return ""


def _items(parent: HtmlElement) -> Iterator[str]:
    """The lines of a list; what stands below an item is indented under it."""
    start = parent.get("start") or ""
    numbers = count(int(start) if start.isdigit() and len(start) < 6 else 1)
    for item in parent:
        if item.tag in SKIPPED or _hidden(item):
            continue
        mark = f"{next(numbers)}." if parent.tag == "ol" and item.tag == "li" else "-"
        yield from _item(item, mark)


def _item(item: HtmlElement, mark: str) -> Iterator[str]:
    found = [block for block in (_block(item, _all) if item.tag != "li" else _flow(item, _all))]
    if item.tag in ("ul", "ol"):  # a list that lies in a list without an item of its own
        yield from (f"  {line}" for block in found for line in block.text.split("\n"))
        return
    lines = [line for block in found for line in block.text.split("\n")]
    indent = " " * (len(mark) + 1)
    for number, line in enumerate(lines):
        yield f"{mark} {line}" if number == 0 else f"{indent}{line}".rstrip()


def _all(element: HtmlElement, text: str) -> bool:
    return True


def _terms(element: HtmlElement) -> Iterator[str]:
    for child in element.iter("dt", "dd"):
        words = text(child)
        if words:
            yield f"- {words}" if child.tag == "dt" else "  " + words.replace("\n", "\n  ")


def _table(element: HtmlElement) -> str:
    """Markdown, or nothing for a table that only lays out its page."""
    lines = [row for row in element.iter("tr") if _table_of(row) is element]
    cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in lines]
    widest = max(map(len, cells), default=0)
    if widest < 2 or any(_lays_out(cell) for row in cells for cell in row):
        return ""
    caption = next((text(child) for child in element.iterchildren("caption")), "")
    return "\n\n".join(filter(None, (caption, table(_grid(cells)))))


def _table_of(row: HtmlElement) -> Any:
    return next(row.iterancestors("table"), None)


def _lays_out(cell: HtmlElement) -> bool:
    inner = cell.xpath("count(.//table | .//h1 | .//h2 | .//h3 | .//form | .//pre)")
    return bool(inner) or (len(cell) > 3 and len("".join(cell.itertext())) > 1500)


def _grid(rows: list[list[HtmlElement]]) -> list[list[str]]:
    """The cells' words, each of a spanned cell once: where it begins."""
    below: dict[int, int] = {}  # column -> rows that a cell from above still takes
    grid = []
    for row in rows:
        line: list[str] = []
        for cell in row:
            while below.get(len(line), 0) > 0:
                below[len(line)] -= 1
                line.append("")
            width, height = _span(cell, "colspan"), _span(cell, "rowspan")
            for place in range(width):
                below[len(line)] = height - 1
                line.append(text(cell) if place == 0 else "")
        while below.get(len(line), 0) > 0:
            below[len(line)] -= 1
            line.append("")
        grid.append(line)
    return grid


def _span(cell: HtmlElement, name: str) -> int:
    value = (cell.get(name) or "").strip()
    return min(int(value), WIDEST_SPAN) if value.isdigit() and len(value) < 5 and int(value) else 1
