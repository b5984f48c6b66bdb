"""Rows of a document that comes as blocks: headings, and what stands under them as Markdown.

A section that is too long is cut between blocks; a table or code that is too long alone goes on in the next
section with its header or fence repeated.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from preparation.readers import excerpt
from preparation.readers.text import SECTION, SENTENCE_END
from records import Drop, Row, Source

LONGEST_HEADING = 160  # a longer one is a paragraph that was formatted as a heading
FENCE = re.compile(r"(`{3,})[^`\n]*\n")
RULE = re.compile(r"\|(?: ?:?-+:? ?\|)+$")


class Block(NamedTuple):
    """A heading of a level from 1, or Markdown of level 0 that can stand alone."""

    text: str
    level: int = 0
    page: int | None = None


def rows(blocks: Iterable[Block], source: Source, title: str = "") -> Iterator[Row | Drop]:
    """A row for each section, counted as elements."""
    above: list[Block] = []
    held: list[Block] = []
    number = 0

    def row() -> Row:
        nonlocal number
        number += 1
        names = tuple(dict.fromkeys(name for name in (title, *(block.text for block in above)) if name))
        text = "\n\n".join(block.text for block in held)
        page = held[0].page
        place = Source(uri=source.uri, page=page, element=number)
        held.clear()
        return Row(source=place, text=text, heading=names)

    filled = True
    for block in _pieces(_sound(blocks)):
        if block.level:
            if held:
                yield row()
            if not filled and block.level <= above[-1].level:
                yield _bare(above[-1], source)
            above = [*(higher for higher in above if higher.level < block.level), block]
            filled = False
            continue
        if held and sum(len(kept.text) + 2 for kept in held) + len(block.text) > SECTION:
            yield row()
        held.append(block)
        filled = True
    if held:
        yield row()
    if not filled:
        yield _bare(above[-1], source)


def _bare(heading: Block, source: Source) -> Drop:
    place = Source(uri=source.uri, page=heading.page)
    return Drop(source=place, reason="a heading with nothing under it", excerpt=excerpt(heading.text))


def _sound(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        text = block.text.replace("\x00", "").strip("\n").rstrip()
        if block.level:
            text = " ".join(text.split())
        if text.strip():
            too_long = block.level and len(text) > LONGEST_HEADING
            yield block._replace(text=text, level=0 if too_long else block.level)


def _pieces(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if len(block.text) <= SECTION or block.level:
            yield block
        else:
            yield from (block._replace(text=piece) for piece in pieces(block.text))


def pieces(text: str) -> Iterator[str]:
    """A block that is longer than a section, in parts that each can stand alone."""
    lines = text.split("\n")
    if fence := FENCE.match(text):
        yield from _packed(lines[1:-1], lines[0] + "\n", "\n" + fence[1])
    elif len(lines) > 2 and RULE.match(lines[1]):
        yield from _packed(lines[2:], "\n".join(lines[:2]) + "\n", "")
    else:
        yield from _packed(lines, "", "")


def _packed(lines: Iterable[str], before: str, after: str) -> Iterator[str]:
    room = max(SECTION - len(before) - len(after), SECTION // 4)
    held: list[str] = []
    length = 0
    for part in chain.from_iterable(_cut(line, room) for line in lines):
        if held and length + len(part) > room:
            yield before + "\n".join(held) + after
            held, length = [], 0
        held.append(part)
        length += len(part) + 1
    if held:
        yield before + "\n".join(held) + after


def _cut(line: str, room: int) -> Iterator[str]:
    """A line that is too long, cut behind sentences, else between words."""
    while len(line) > room:
        ends = [match.end() for match in SENTENCE_END.finditer(line, room // 2, room)]
        cut = ends[-1] if ends else line.rfind(" ", room // 2, room) + 1 or room
        yield line[:cut].rstrip()
        line = line[cut:]
    yield line


def fenced(code: str, language: str = "") -> str:
    """Code as Markdown, fenced by more backticks than it holds in a row."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def table(cells: Iterable[Iterable[str]]) -> str:
    """Cells as a Markdown table, the first row as its header; empty columns and rows left out."""
    grid = [["<br>".join(_lines(cell)).replace("|", "\\|") for cell in row] for row in cells]
    grid = [row for row in grid if any(row)]
    if not grid:
        return ""
    width = max(map(len, grid))
    grid = [row + [""] * (width - len(row)) for row in grid]
    used = [place for place in range(width) if any(row[place] for row in grid)]
    written = ["| " + " | ".join(row[place] for place in used) + " |" for row in grid]
    return "\n".join([written[0], "|" + " --- |" * len(used), *written[1:]])


def _lines(cell: str) -> list[str]:
    return [words for line in cell.split("\n") if (words := " ".join(line.split()))]
