"""Plain text: whole if it is short, else in sections of whole blocks between blank lines. Nothing is lost."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from preparation.readers import conversation
from preparation.readers.encoding import open_text
from preparation.readers.transcript import is_transcript, said
from records import Drop, Row, Source

BEGINNING = 60  # lines that tell a transcript of a chat from prose
SECTION = 4000  # characters: about a thousand tokens, within every base model's limit
LONGEST_LINE = 1 << 20
SENTENCE_END = re.compile(r"""[.!?…。！？]["'”’)\]]*(?:\s+|(?<=[。！？]))""")


class Line(NamedTuple):
    number: int
    text: str
    begins: bool  # a block begins here: the place to cut before


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with open_text(path) as file:
        if is_transcript(islice(iter(lambda: file.readline(LONGEST_LINE), ""), BEGINNING)):
            file.seek(0)
            yield from conversation.rows(said(file), source, "line")
            return
        file.seek(0)
        for number, text in sections(_lines(file)):
            yield Row(source=Source(uri=source.uri, line=number), text=text)


def sections(lines: Iterable[Line]) -> Iterator[tuple[int, str]]:
    """Stretches of at most `SECTION` characters with the number of their first line, cut between blocks."""
    held: list[Line] = []
    length = 0
    for line in lines:
        while held and length + len(line.text) > SECTION:
            cut = _cut(held, line)
            yield from _joined(held[:cut])
            held = held[cut:]
            length = sum(len(kept.text) + 1 for kept in held)
        held.append(line)
        length += len(line.text) + 1
    yield from _joined(held)


def _cut(held: list[Line], following: Line) -> int:
    if following.begins:
        return len(held)
    return next((at for at in range(len(held) - 1, 0, -1) if held[at].begins), len(held))


def _joined(lines: list[Line]) -> Iterator[tuple[int, str]]:
    filled = [at for at, line in enumerate(lines) if line.text.strip()]
    if filled:
        first, last = filled[0], filled[-1]
        text = "\n".join(line.text for line in lines[first : last + 1])
        yield lines[first].number, text.strip("\f\n ") if first == last else text.rstrip()


def _lines(file: TextIO) -> Iterator[Line]:
    """The lines, in pieces if longer than a section; a block begins after a blank line or at a page break."""
    number, blank = 1, True
    while line := file.readline(LONGEST_LINE):
        for piece in _pieces(line.rstrip("\n")):
            yield Line(number, piece, blank or piece.startswith("\f"))
            blank = not piece.strip()
        number += line.endswith("\n")


def _pieces(line: str) -> Iterator[str]:
    """A long line cut behind sentences, else between words."""
    while len(line) > SECTION:
        ends = [match.end() for match in SENTENCE_END.finditer(line, SECTION // 2, SECTION)]
        cut = ends[-1] if ends else line.rfind(" ", SECTION // 2, SECTION) + 1 or SECTION
        yield line[:cut].rstrip()
        line = line[cut:]
    yield line
