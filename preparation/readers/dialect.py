"""How a table of text is written: what parts and quotes its cells, and whether it names its columns."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import product
from typing import NamedTuple

MARKS = "\t;|,"  # a tie goes to the rarer in prose
NONE = "\x1f"  # no delimiter: one column
LEAST_EVEN = 0.8
NAME = re.compile(r"\w(?:[\w.()/#%:-]| (?! )){0,40}")
ESCAPED = re.compile(r'(?:^|[,;|\t]) ?"[^"\n]*\\"', re.MULTILINE)
DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*"
NUMBER = re.compile(rf"[-+€$£]?[\d.,' ]*\d[\d.,]*\s*[%€$£]?|{DATE}|true|false", re.IGNORECASE)
ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.\w+")
FEW_CELLS = 3
COLUMNS = frozenset(
    (
        "text", "label", "category", "class", "intent", "question", "answer", "prompt", "completion",
        "response", "instruction", "input", "output", "title", "name", "id", "date", "message", "content",
        "body", "subject", "description", "type", "language", "source", "target", "sentiment", "topic",
    )
)  # fmt: skip


class Dialect(NamedTuple):
    delimiter: str
    quote: str | None = '"'
    escape: str | None = None
    spaced: bool = False  # a space stands between delimiter and quote
    width: int = 1

    def read(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The cells of each record. Raises csv.Error."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape,
            skipinitialspace=self.spaced,
        )


def detect(text: str, marks: str = MARKS, ending: str = "") -> Dialect:
    """The dialect under which the sample, whole lines of it, falls most evenly into cells."""
    lines = list(StringIO(text.strip("\r\n"), newline=""))
    quotes = ["'", '"', None] if _apostrophes(text) else ['"', None]
    escapes = [None, "\\"] if ESCAPED.search(text) and not text.count("\\\n") else [None]
    best, top = (Dialect(NONE), LEAST_EVEN) if len(marks) > 1 else (Dialect(marks), 0.0)
    for delimiter, quote, escape in product(marks, quotes, escapes):
        spaced = bool(quote) and f"{delimiter} {quote}" in text
        dialect, score = _scored(lines, Dialect(delimiter, quote, escape, spaced))
        score += 0.1 * (delimiter == "\t" and ending in (".tsv", ".tab"))
        if score > top + 1e-9:
            best, top = dialect, score
    return best


def _scored(lines: Sequence[str], dialect: Dialect) -> tuple[Dialect, float]:
    """The dialect with its width, and the share of rows that have it; more for a first row that could be a
    header and for cells that are quoted, less for quotes that would be left in the cells."""
    try:
        rows = [row for row in dialect.read(lines) if any(row)]
    except csv.Error:
        return dialect, 0.0
    # titles above a table do not count against it
    above = next((at for at, row in enumerate(rows) if len(row) > 1), 0)
    rows = rows[above:] if rows and all(map(NAME.fullmatch, rows[above])) else rows
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return dialect, 0.0
    named = len(rows[0]) > 1 and all(NAME.fullmatch(cell.strip()) for cell in rows[0])
    width = len(rows[0]) if named else max(widths, key=lambda width: (widths[width], width))
    score = widths[width] / len(rows)
    if len(rows[0]) == width:
        score += 0.5 if named else 0.2
    text = "".join(lines)
    mark, quote = dialect.delimiter, dialect.quote
    if quote and (mark + quote in text or quote + mark in text):
        score += 0.2
    if not quote and '"' in text:
        score -= 0.3
    return dialect._replace(width=width), score


def _apostrophes(text: str) -> bool:
    cells = re.findall(r"(?:^|[,;|\t])'[^'\n]*'(?=[,;|\t\r\n]|$)", text, re.MULTILINE)
    return len(cells) > text.count("\n")


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: short cells, unlike those below. Without evidence it does."""
    first, data = rows[0], rows[1:]
    if not any(first) or any(NUMBER.fullmatch(cell) for cell in first if cell):
        return False
    columns = (
        [row[place] for row in data if row != first and place < len(row)] for place in range(len(first))
    )
    return sum(map(_vote, first, columns)) >= 0


def _vote(name: str, cells: Sequence[str]) -> int:
    """Above zero if the name names the column, below if it is one more of its cells."""
    words = re.split(r"[\W_]+", name.casefold())
    if name and name in cells:
        return -4
    filled = [cell for cell in cells if cell]
    if len(filled) >= FEW_CELLS and any(all(map(kind.fullmatch, filled)) for kind in (NUMBER, ADDRESS)):
        # a name among numbers is one, however long the questions beside it are, as in the answers to a form
        return 4
    if name.endswith("?") and 10 * sum(cell.endswith("?") for cell in filled) < len(filled):
        return 1
    if len(name) > 60 or name.endswith((".", "?", "!")) or len(words) > 6:
        return -2
    if len(words) <= 2 and not COLUMNS.isdisjoint(words):
        return 2
    if filled and sum(bool(NUMBER.fullmatch(cell)) for cell in filled) > 0.8 * len(filled):
        return 2
    return 1 if filled and sum(map(len, filled)) > 2 * len(name) * len(filled) else 0


def unique_names(cells: Sequence[str]) -> list[str]:
    """Names for all columns: those without one by number, a second of the same name counted."""
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        name = wanted = " ".join(cell.split()) or f"column_{number}"
        count = 1
        while name in names:
            count += 1
            name = f"{wanted}_{count}"
        names.append(name)
    return names
