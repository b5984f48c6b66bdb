"""How a table of text is written: what parts and quotes its cells, and whether it names its columns."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

MARKS = "\t;|,"  # a tie goes to the rarer in prose
NONE = "\x1f"
QUOTED = re.compile(r"""(?:^|[,;|\t])"(?:[^"]|"")*"(?=[,;|\t]|$)""", re.MULTILINE)
NUMBER = re.compile(r"[-+]?[\d.,' ]*\d[\d.,]*\s*[%€$£]?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|true|false", re.IGNORECASE)
COLUMNS = frozenset(
    "text label category class intent question answer prompt completion response instruction input output title"
    " name id date message content body subject description type language source target sentiment topic".split()
)


class Dialect(NamedTuple):
    delimiter: str
    quote: str | None
    escape: str | None
    width: int

    def options(self) -> dict[str, object]:
        """Keywords for `csv.reader`."""
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quote,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "escapechar": self.escape,
            "skipinitialspace": self.delimiter != "\t",
        }


def detect(text: str, ending: str = "") -> Dialect:
    """The dialect under which the sample, whole lines of it, falls most evenly into cells."""
    text = text.strip("\r\n")
    quotes: list[str | None] = ['"', "'"] if _apostrophes(text) else ['"']
    escapes = [None, "\\"] if re.search(r'(?<!\\)\\"', text) else [None]
    best, top = Dialect(NONE, '"', None, 1), 0.5
    for delimiter in MARKS:
        for quote in [*quotes, None]:
            for escape in escapes if quote else [None]:
                dialect, score = _scored(text, Dialect(delimiter, quote, escape, 1))
                score += 0.1 * (delimiter == "\t" and ending in (".tsv", ".tab"))
                if score > top + 1e-9:
                    best, top = dialect, score
    return best


def _scored(text: str, dialect: Dialect) -> tuple[Dialect, float]:
    """The dialect with its width, and how even the rows are; a header that fits and quotes that fit count extra."""
    try:
        rows = [row for row in csv.reader(text.splitlines(keepends=True), **dialect.options()) if any(row)]  # type: ignore[call-overload]
    except csv.Error:
        return dialect, 0.0
    widths = Counter(map(len, rows))
    width, _ = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]), default=(1, 0))
    if width < 2:
        return dialect, 0.0
    even = widths[width] / len(rows)
    fits = 0.2 * (len(rows[0]) == width)
    quoted = 0.2 * bool(dialect.quote and (dialect.delimiter + '"' in text or '"' + dialect.delimiter in text))
    literal = sum(cell.count('"') for row in rows for cell in row) if dialect.quote is None else 0
    return dialect._replace(width=width), even + fits + quoted - 0.3 * (literal > 0) 


def _apostrophes(text: str) -> bool:
    return len(re.findall(r"(?:^|[,;|\t])'[^'\n]*'(?=[,;|\t]|$)", text, re.MULTILINE)) > text.count("\n")


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: short unlike cells, and the data below look different."""
    first, data = rows[0], rows[1:]
    names = [cell.strip().casefold() for cell in first]
    if not any(names) or any(NUMBER.fullmatch(name) for name in names if name):
        return False
    if any(re.split(r"[\W_]+", name)[0] in COLUMNS for name in names if name) and max(map(len, names)) <= 40:
        return True
    return sum(_vote(cell, [row[place] for row in data if place < len(row)]) for place, cell in enumerate(first)) >= 0


def _vote(name: str, cells: Sequence[str]) -> int:
    """Above zero if the name names the column, below if it is one more of its cells."""
    cells = [cell for cell in cells if cell]
    if not cells:
        return 0
    if name in cells:
        return -2
    if sum(bool(NUMBER.fullmatch(cell)) for cell in cells) > 0.8 * len(cells):
        return 2
    if len(name) > 60 or name.rstrip().endswith((".", "?", "!")) or len(name.split()) > 6:
        return -2
    return 1 if sum(map(len, cells)) / len(cells) > 2 * len(name) else 0


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
