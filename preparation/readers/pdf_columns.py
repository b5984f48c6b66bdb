"""Pages in two columns whose lines a program wrote across both: PDFium gives such text line by line, too."""

import ctypes
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import NamedTuple

from pypdfium2 import PdfTextPage, raw

SAMPLE = 24  # rectangles of text that tell most pages to be of one column
FEWEST = 8  # lines of a column
LEVEL, GAP = 3.0, 6.0  # points: how far the bases of one line differ, and what two columns leave between them
WORDS = 3  # in a line of prose, in the mean; cells of tables hold fewer
RUNNING = 0.4  # share of lines that go on in the middle of a sentence; cells begin anew


class Rect(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float


def in_columns(page: PdfTextPage) -> str:
    """The text column by column, with what stands above and below; nothing if it is no such page."""
    count = page.count_rects()
    first = count // 2 - SAMPLE // 2
    if count < 2 * FEWEST or not any(_beside(*two) for two in pairwise(_rects(page, max(0, first), SAMPLE))):
        return ""
    rects = list(_rects(page, 0, count))
    pairs = [(one, other) for one, other in pairwise(rects) if _beside(one, other)]
    lines = 1 + sum(abs(one.bottom - other.bottom) > LEVEL for one, other in pairwise(rects))
    if len(pairs) < max(FEWEST, 0.6 * lines):
        return ""
    gutter = median(other.left for _, other in pairs) - 1
    if sum(one.right < gutter < other.left for one, other in pairs) < 0.95 * len(pairs):
        return ""
    top, bottom = max(one.top for one, _ in pairs) + 1, min(one.bottom for one, _ in pairs) - LEVEL
    inside = [rect for rect in rects if bottom < rect.bottom and rect.top < top + LEVEL]
    if any(rect.left < gutter - GAP and rect.right > gutter + GAP for rect in inside):
        return ""
    columns = [page.get_text_bounded(bottom=bottom, top=top, **{side: gutter}) for side in ("right", "left")]
    if not all(map(_is_prose, columns)):
        return ""
    above, below = page.get_text_bounded(bottom=top), page.get_text_bounded(top=bottom)
    return "\n".join(part.strip("\r\n") for part in (above, *columns, below) if part.strip())


def _rects(page: PdfTextPage, first: int, count: int) -> Iterator[Rect]:
    left, top, right, bottom = (ctypes.c_double() for _ in range(4))
    for number in range(first, first + count):
        if raw.FPDFText_GetRect(page, number, left, top, right, bottom):
            yield Rect(left.value, bottom.value, right.value, top.value)


def _beside(one: Rect, other: Rect) -> bool:
    return abs(one.bottom - other.bottom) <= LEVEL and other.left > one.right + GAP


def _is_prose(column: str) -> bool:
    lines: Sequence[str] = [line.strip() for line in column.splitlines() if line.strip()]
    if len(lines) < FEWEST or fmean(len(line.split()) for line in lines) < WORDS:
        return False
    return sum(line[0].islower() for line in lines) >= RUNNING * len(lines)
