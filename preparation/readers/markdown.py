"""Markdown: a row for each section, under its headings. Tables, lists and code stay as written."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from markdown_it import MarkdownIt

from preparation.readers import excerpt, text
from preparation.readers.encoding import read_text
from records import Drop, Row, Source

LARGEST = 1 << 24  # bytes; beyond it is read as plain text, for the parser takes 25 times as much memory
FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n(.*?)\n\1[ \t]*(?:\n|\Z)", re.DOTALL)
TITLE = re.compile(r"""^title\s*[:=]\s*(["']?)(.+?)\1\s*$""", re.MULTILINE)
LONGEST_HEADING = 160  # a paragraph above a line of dashes is a heading to Markdown, seldom to its author
ANCHOR = re.compile(r"\s*\{#[^}]*\}\s*$")


class Heading(NamedTuple):
    level: int
    name: str
    first: int  # line, from 0
    end: int


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    if path.stat().st_size > LARGEST:
        yield from text.read(path, source)
    else:
        yield from rows(read_text(path), source)


def rows(document: str, source: Source, by: Literal["line", "element"] = "line") -> Iterator[Row | Drop]:
    """A row for each section of a Markdown text, placed by line or, where lines mean nothing, by number."""
    start, title = _front_matter(document)
    lines = document.split("\n")
    headings, blocks = _outline("\n" * start + "\n".join(lines[start:]))
    if start or not headings or headings[0].first > 0:
        headings.insert(0, Heading(0, "", start, start))
    above: list[Heading] = []
    number = 0
    for heading, following in pairwise([*headings, Heading(0, "", len(lines), len(lines))]):
        above = [*(higher for higher in above if higher.level < heading.level), heading]
        names = tuple(dict.fromkeys(name for name in (title, *(higher.name for higher in above)) if name))
        body = (text.Line(at + 1, lines[at], at in blocks) for at in range(heading.end, following.first))
        place = heading.first + 1 if heading.name else None
        for line, section in text.sections(body):
            number += 1
            at = {"line": place or line} if by == "line" else {"element": number}
            yield Row(source=Source(uri=source.uri, **at), text=section, heading=names)
            place = None
        if place and following.level <= heading.level:
            bare = Source(uri=source.uri, line=place if by == "line" else None)
            yield Drop(source=bare, reason="a heading with nothing under it", excerpt=excerpt(heading.name))


def _front_matter(document: str) -> tuple[int, str]:
    """The line after it, from 0, and the title it gives."""
    match = FRONT_MATTER.match(document)
    if not match or not re.search(r"^\w[\w -]*\s*[:=]", match[2], re.MULTILINE):
        return 0, ""
    title = TITLE.search(match[2])
    return document.count("\n", 0, match.end()), title[2].strip() if title else ""


@cache
def _parser(inline: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    if not inline:
        parser.core.ruler.disable(["inline"])
    return parser


def _outline(document: str) -> tuple[list[Heading], set[int]]:
    """The headings, and the lines where a block begins, from 0."""
    tokens = _parser(inline=False).parse(document)
    headings, blocks = [], set()
    for token, content in pairwise(tokens):
        if token.level > 0 or not token.map:
            continue
        blocks.add(token.map[0])
        if token.type == "heading_open":
            name = _plain(content.content)
            if len(name) <= LONGEST_HEADING:
                headings.append(Heading(int(token.tag[1]), name, *token.map))
    return headings, blocks


def _plain(inline: str) -> str:
    """A heading without its marks, as a person reads it."""
    tokens = _parser(inline=True).parseInline(ANCHOR.sub("", inline))
    words = {"softbreak": " ", "hardbreak": " ", "html_inline": ""}
    parts = (words.get(token.type, token.content) for block in tokens for token in block.children or ())
    return " ".join("".join(parts).split())
