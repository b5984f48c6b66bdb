"""Org: its outline, lists, tables and blocks written as Markdown; drawers, tags and comments left out."""

import re
from collections.abc import Iterator
from pathlib import Path

from preparation.readers.document import Block, fenced, rows, table
from preparation.readers.encoding import open_text
from records import Drop, Row, Source

HEADING = re.compile(
    r"(\*+)\s+(?:(?:TODO|DONE|NEXT|WAITING|CANCELLED)\s+)?(?:\[#\w\]\s+)?(.*?)(?:\s+:[\w@#%:]+:)?\s*$"
)
BEGIN = re.compile(r"\s*#\+begin_(\w+)\s*(\S*)", re.IGNORECASE)
TITLE = re.compile(r"\s*#\+title:\s*(.+)", re.IGNORECASE)
ASIDE = re.compile(r"\s*(?:#\+\w+(?:\[.*?\])?:|# |#$|(?:SCHEDULED|DEADLINE|CLOSED|CLOCK):)")
DRAWER = re.compile(r"\s*:[\w-]+:\s*$")
ITEM = re.compile(r"(\s*)(?:[-+]|\s\*|(\d+)[.)])\s+(?:\[[ xX-]\]\s+)?(.*)")
LINK = re.compile(r"\[\[[^][]*\]\[([^][]+)\]\]|\[\[([^][]+)\]\]")
CODE = re.compile(r"(?<![\w=~])([=~])(?=\S)([^\n=~]*?\S)\1(?![\w=~])")
RULE = re.compile(r"\s*\|[-+|:]+\|?\s*$")


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with open_text(path) as file:
        lines = [line.rstrip("\n") for line in file]
    title = next((found[1].strip() for line in lines[:50] if (found := TITLE.match(line))), "")
    yield from rows(_blocks(lines), source, title)


def _blocks(lines: list[str]) -> Iterator[Block]:
    held: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        heading, begin = HEADING.match(line), BEGIN.match(line)
        if heading or begin or ASIDE.match(line) or DRAWER.match(line) or not line.strip():
            yield from _paragraph(held)
            held = []
        if heading:
            yield Block(_plain(heading[2]), len(heading[1]))
        elif begin:
            end = _end(lines, at, f"#+end_{begin[1].lower()}")
            yield from _block(begin[1].lower(), begin[2], lines[at:end])
            at = end + 1
        elif DRAWER.match(line):
            end = _end(lines, at, ":end:")
            at = end + 1 if end < len(lines) else at
        elif line.strip() and not ASIDE.match(line):
            held.append(line)
    yield from _paragraph(held)


def _end(lines: list[str], at: int, mark: str) -> int:
    return next(
        (place for place in range(at, len(lines)) if lines[place].strip().lower() == mark), len(lines)
    )


def _block(kind: str, language: str, lines: list[str]) -> Iterator[Block]:
    if kind in ("src", "example"):
        code = "\n".join(line[1:] if line.startswith(",") else line for line in lines)
        yield Block(fenced(code, language if kind == "src" else ""))
    elif kind == "quote":
        yield Block("\n".join(f"> {_plain(line.strip())}" for line in lines if line.strip()))
    elif kind not in ("comment", "export"):
        yield from _blocks(lines)


def _paragraph(lines: list[str]) -> Iterator[Block]:
    if not lines:
        return
    if all(line.lstrip().startswith("|") for line in lines):
        cells = (line.strip().strip("|").split("|") for line in lines if not RULE.match(line))
        yield Block(table([_plain(cell.strip()) for cell in row] for row in cells))
    elif all(line.lstrip().startswith(": ") for line in lines):
        yield Block(fenced("\n".join(line.lstrip()[2:] for line in lines)))
    else:
        yield Block("\n".join(map(_line, lines)))


def _line(line: str) -> str:
    item = ITEM.match(line)
    if not item:
        return _plain(line)
    mark = f"{item[2]}." if item[2] else "-"
    return f"{item[1]}{mark} {_plain(item[3])}"


def _plain(words: str) -> str:
    return CODE.sub(r"`\2`", LINK.sub(lambda link: link[1] or link[2], words))
