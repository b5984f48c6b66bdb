"""CSV, TSV and their relatives: delimiter, quotes and header detected, rows streamed as fields.

A quote that is opened and never closed costs its own row at most, not the rows after it.
"""

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from preparation.readers import Unreadable, excerpt
from preparation.readers.dialect import MARKS, NAME, Dialect, detect, has_header, unique_names
from preparation.readers.encoding import encoding_of, open_text
from records import Drop, Row, Source

SAMPLE = 1 << 18
SAMPLE_ROWS = 200
MOST_LINES = 1000  # of one record
WRAPPED = re.compile(r'"(?:[^"]|"")*"')
LONGEST = 1 << 24  # characters of one record


class Table(NamedTuple):
    dialect: Dialect
    above: int  # lines before the header
    header: list[str]  # as written; empty without one
    names: list[str]
    prose: int | None  # the column that is by far the longest
    values: list[frozenset[str]]  # that the sample holds in each column, joined rows included if they recur
    wrapped: (
        bool  # each line is quoted as a whole, as a spreadsheet writes a table that it took for one column
    )


class Runaway(Exception):
    """A record that does not end."""


class Lines:
    """The lines of a file, with those that the record at hand took, which can be given back."""

    def __init__(self, file: TextIO, wrapped: bool = False):
        self.file = file
        self.wrapped = wrapped
        self.ahead: deque[str] = deque()
        self.start()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.ahead.popleft() if self.ahead else self._read()
        if not line:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        self.length += len(line)
        if len(self.taken) > MOST_LINES or self.length > 2 * LONGEST:
            raise Runaway
        return line

    def _read(self) -> str:
        line = self.file.readline(LONGEST)
        return _unwrapped(line) if self.wrapped else line

    def start(self) -> None:
        """Of a record."""
        self.taken: list[str] = []
        self.length = 0
        self.ended = False  # inside the record

    def give_back(self) -> None:
        """All but the first line of the record."""
        self.ahead.extendleft(reversed(self.taken[1:]))


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    csv.field_size_limit(LONGEST)
    encoding = encoding_of(path)
    number = 0
    with open_text(path, encoding, newline="") as file:
        announced = _announced(file)
        table = _look(file, announced, Path(source.uri).suffix.lower())
    with open_text(path, encoding, newline="") as file:
        _announced(file)
        records = _records(Lines(file, table.wrapped), table.dialect)
        for cells in islice(records, table.above):
            yield Drop(source=source, reason="a line above the table", excerpt=excerpt(" ".join(cells)))
        if table.header:
            next(records)
        for number, cells in enumerate(records, 1):
            yield _row(Source(uri=source.uri, row=number), cells, table)
    if number == 0:
        raise Unreadable("It holds the names of columns but no rows")


def _announced(file: TextIO) -> str | None:
    """The delimiter that Excel's first line `sep=;` names; the file is then past that line."""
    line = file.readline(LONGEST).strip()
    if len(line) == 5 and line[:4].casefold() == "sep=":
        return line[4]
    file.seek(0)
    return None


def _look(file: TextIO, announced: str | None, ending: str) -> Table:
    sample = file.read(SAMPLE) + file.readline(LONGEST)
    if wrapped := _is_wrapped(sample):
        sample = "".join(map(_unwrapped, StringIO(sample, newline="")))
    dialect = detect(sample, announced or MARKS, ending)
    records = _records(Lines(StringIO(sample, newline="")), dialect)
    rows = [_stripped(cells) for cells in islice(records, SAMPLE_ROWS)]
    if not rows:
        raise Unreadable("The file is empty")
    start = next((at for at, cells in enumerate(rows) if _fills(cells, dialect.width)), 0)
    header = rows[start] if has_header(rows[start:]) else []
    padding = [""] * (dialect.width - len(header))
    names = unique_names([*header, *padding])
    data = rows[start + bool(header) :]
    prose = _prose([row for row in data if len(row) == len(names)])
    values = _values(data, len(names), prose, dialect.delimiter)
    return Table(dialect, start, [*header, *padding] if header else [], names, prose, values, wrapped)


def _is_wrapped(sample: str) -> bool:
    """Whether every line is one quoted cell that holds the cells of a table."""
    lines = [line for line in StringIO(sample, newline="") if line.strip()]
    if len(lines) < 2 or not all(WRAPPED.fullmatch(line.strip()) for line in lines):
        return False
    inner = "".join(map(_unwrapped, lines))
    dialect = detect(inner)
    rows = list(islice(dialect.read(StringIO(inner)), SAMPLE_ROWS)) if dialect.width > 1 else []
    return bool(rows) and all(NAME.fullmatch(name.strip()) for name in rows[0]) and has_header(rows)


def _unwrapped(line: str) -> str:
    bare = line.strip()
    return bare[1:-1].replace('""', '"') + "\n" if WRAPPED.fullmatch(bare) else line


def _fills(cells: Sequence[str], width: int) -> bool:
    """Whether a row is part of the table, and not a title above it."""
    return 2 * sum(map(bool, cells)) >= width and (len(cells) > 1 or width == 1)


def _records(lines: Lines, dialect: Dialect) -> Iterator[list[str]]:
    """The cells of every record that is not blank."""
    while (cells := _record(lines, dialect)) is not None:
        if cells:
            yield cells


def _record(lines: Lines, dialect: Dialect) -> list[str] | None:
    lines.start()
    try:
        cells = next(dialect.read(lines), None)
    except (Runaway, csv.Error):
        cells = None
    if not lines.taken:
        return None
    closed = cells is not None and _closes(lines, dialect)
    if cells is not None and closed and (len(lines.taken) == 1 or len(cells) == dialect.width):
        return cells
    # perhaps a stray quote that ran on into the next rows: then the first line makes sense alone
    first = lines.taken[0].rstrip("\r\n")
    parts = [cell.strip().strip(dialect.quote) for cell in first.split(dialect.delimiter)]
    alone = [*dialect.read([first]), parts]
    fitting = next((way for way in alone if len(way) == dialect.width), None)
    if cells is not None and closed and not fitting:
        return cells
    lines.give_back()
    return fitting or alone[-1]


def _closes(lines: Lines, dialect: Dialect) -> bool:
    """Whether the quotes of a record are closed; over several lines they also have to be even."""
    if lines.ended or len(lines.taken) == 1 or not dialect.quote or dialect.escape:
        return not lines.ended
    return sum(line.count(dialect.quote) for line in lines.taken) % 2 == 0


def _stripped(cells: Sequence[str]) -> list[str]:
    # where files were put one behind the other, the mark of a file's beginning stands in its midst
    return [cell.strip("\ufeff \t\r\n\f\v\xa0").replace("\r\n", "\n").replace("\r", "\n") for cell in cells]


def _prose(rows: Sequence[Sequence[str]]) -> int | None:
    """The column whose cells are by far the longest."""
    lengths = [sum(map(len, column)) for column in zip(*rows, strict=True)]
    if len(lengths) < 2:
        return None
    longest = max(lengths)
    return lengths.index(longest) if sorted(lengths)[-2] * 2 < longest else None


def _values(rows: Sequence[list[str]], width: int, prose: int | None, mark: str) -> list[frozenset[str]]:
    even = [row for row in rows if len(row) == width]
    known = [frozenset(column) for column in zip(*even, strict=True)] or [frozenset()] * width
    joined = [
        _joined(row, width, prose, mark)
        for row in rows
        if len(row) > width and prose is not None and not _has_more(row, known, prose)
    ]
    joined += [cells for row in rows if len(row) == 1 < width for cells in _partings(row[0], width, mark)]
    columns = [Counter(column) for column in zip(*even, *even, *joined, strict=True)]
    return [frozenset(cell for cell, count in column.items() if count > 1) for column in columns]


def _has_more(cells: Sequence[str], known: Sequence[frozenset[str]], prose: int) -> bool:
    """Whether a row of too many cells makes sense without the last of them: then its prose held no mark."""
    others = [place for place in range(len(known)) if place != prose]
    return prose < len(known) - 1 and all(cells[place].strip() in known[place] for place in others)


def _joined(cells: Sequence[str], width: int, prose: int, mark: str) -> list[str]:
    """The cells, those of the prose one again."""
    end = prose + len(cells) - width + 1
    return _stripped([*cells[:prose], mark.join(cells[prose:end]), *cells[end:]])


def _repaired(cells: Sequence[str], table: Table) -> list[str] | None:
    """A row of too many cells with its prose joined, if all others then hold what their columns hold."""
    if table.prose is None or _has_more(cells, table.values, table.prose):
        return None
    row = _joined(cells, len(table.names), table.prose, table.dialect.delimiter)
    others = [place for place in range(len(row)) if place != table.prose]
    return row if all(row[place] in table.values[place] for place in others) else None


def _otherwise_parted(line: str, table: Table) -> list[str] | None:
    """The cells of a row that another mark than that of its table parts, if all but its prose are known."""
    others = [place for place in range(len(table.names)) if place != table.prose]
    partings = _partings(line, len(table.names), table.dialect.delimiter)
    fitting = (cells for cells in partings if all(cells[place] in table.values[place] for place in others))
    return next(fitting, None)


def _partings(line: str, width: int, mark: str) -> Iterator[list[str]]:
    """The ways in which other marks than that of the table part a line into that many cells."""
    for other in MARKS.replace(mark, ""):
        cells = _stripped(next(csv.reader([" ".join(line.splitlines())], delimiter=other), []))
        if len(cells) == width:
            yield cells


def _row(place: Source, written: list[str], table: Table) -> Row | Drop:
    names = table.names
    while len(written) > len(names) and not written[-1].strip():
        written.pop()
    cells = _stripped(written)
    if len(cells) > len(names):
        cells = _repaired(written, table) or cells
    elif len(cells) == 1 < len(names):
        cells = _otherwise_parted(written[0], table) or cells
    if not any(cells):
        reason = "an empty row"
    elif len(cells) > len(names):
        reason = "a row with more cells than columns"
    elif len(cells) == 1 < len(names):
        reason = "a row of a single cell"
    elif cells == table.header:
        reason = "the header once more"
    else:
        cells += [""] * (len(names) - len(cells))
        named = zip(names, table.header or names, cells, strict=True)
        return Row(
            source=place, fields={name: cell for name, written_name, cell in named if cell or written_name}
        )
    return Drop(source=place, reason=reason, excerpt=excerpt(table.dialect.delimiter.join(written)))
