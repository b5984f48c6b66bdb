"""What the columns of records hold: figures of each column, gathered on one pass in bounded memory."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

DISTINCT = 2000  # values of a column that are told apart; more than that is "many"
CONSTANT = "the same in all rows"
SPLITS = frozenset(
    (
        "train",
        "training",
        "test",
        "testing",
        "validation",
        "valid",
        "val",
        "dev",
        "eval",
        "holdout",
        "unassigned",
    )
)
LONGEST_VALUE = 80  # longer values are no labels

NUMBER = re.compile(r"[-+]?[$€£]?\s?\d[\d.,\s]*%?|[-+]?\d+(?:\.\d+)?e[-+]?\d+", re.IGNORECASE)
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d\d.*)?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}(?: \d{1,2}:\d\d.*)?"
    r"|\d{1,2}:\d\d(?::\d\d)?(?:\s?[ap]m)?|(?:\d{1,2} )?[A-Z][a-z]{2,8}\.? (?:\d{1,2}, )?\d{4}",
    re.IGNORECASE,
)
CODE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{12,64}|[A-Za-z#_\-]{0,12}\d[\w\-]*",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"https?://\S+|[\w./\\-]+\.(?:png|jpe?g|gif|pdf|mp3|wav|mp4)", re.IGNORECASE)
ID_NAME = re.compile(
    r"(?:^|[_\s.\-])(?:id|ids|uuid|guid|uid|key|index|idx|no|nr|row|hash|sha\d*|url|link|element_id)$|^unnamed|^#$|Id$|ID$"
)


@dataclass
class Column:
    """Figures of one column. `values` counts values with case and outer blanks levelled."""

    filled: int = 0
    empty: int = 0
    words: int = 0
    letters: int = 0
    numbers: int = 0
    dates: int = 0
    codes: int = 0
    addresses: int = 0
    several_lines: int = 0
    values: Counter[str] = field(default_factory=Counter)
    spellings: Counter[str] = field(default_factory=Counter)
    many: bool = False

    def add(self, value: str) -> None:
        text = value.strip()
        if not text:
            self.empty += 1
            return
        self.filled += 1
        self.words += text.count(" ") + 1
        self.letters += len(text)
        self.several_lines += "\n" in text
        if len(text) <= LONGEST_VALUE:
            self._note_form(text)
        self._count(text)

    def _note_form(self, text: str) -> None:
        first = text[0]
        if DATE.fullmatch(text):
            self.dates += 1
        elif not first.isalpha() and NUMBER.fullmatch(text):
            self.numbers += 1
        elif " " not in text and ADDRESS.fullmatch(text):
            self.addresses += 1
        elif " " not in text and CODE.fullmatch(text):
            self.codes += 1

    def _count(self, text: str) -> None:
        """Once there are many values they are of no use, and so are dropped."""
        if self.many:
            return
        short = len(text) <= LONGEST_VALUE
        self.values[level(text) if short else text[:LONGEST_VALUE].casefold()] += 1
        if short:
            self.spellings[text] += 1
        self._forget_if_many()

    def _forget_if_many(self) -> None:
        if len(self.values) > DISTINCT or self.many:
            self.many = True
            self.values.clear()
            self.spellings.clear()

    def merge(self, other: "Column") -> None:
        for name in (
            "filled",
            "empty",
            "words",
            "letters",
            "numbers",
            "dates",
            "codes",
            "addresses",
            "several_lines",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.values.update(other.values)
        self.spellings.update(other.spellings)
        self.many |= other.many
        self._forget_if_many()

    @property
    def present(self) -> int:
        """Records that have the column, be it empty."""
        return self.filled + self.empty

    @property
    def distinct(self) -> int:
        return len(self.values)

    @property
    def mean_words(self) -> float:
        return self.words / self.filled if self.filled else 0.0

    @property
    def varied(self) -> float:
        """Share of rows whose value no other row has; 1 if there are more values than are counted."""
        return 1.0 if self.many else self.distinct / max(self.filled, 1)

    def _mostly(self, count: int) -> bool:
        return self.filled > 0 and count >= 0.9 * self.filled

    @property
    def is_date(self) -> bool:
        return self._mostly(self.dates)

    @property
    def is_number(self) -> bool:
        return self._mostly(self.numbers)

    @property
    def is_address(self) -> bool:
        return self._mostly(self.addresses)

    @property
    def is_coded(self) -> bool:
        return self._mostly(self.codes + self.numbers)

    @property
    def is_code(self) -> bool:
        return self.is_coded and self.varied > 0.9

    @property
    def is_constant(self) -> bool:
        return self.distinct == 1 and not self.many and self.filled > 1


def level(text: str) -> str:
    """Spellings of one value made equal: case, blanks, underscores for blanks, a full stop at the end."""
    return " ".join(text.casefold().replace("_", " ").split()).rstrip(".")


class Table:
    """The columns of records that have the same column names, in the order of the first record."""

    def __init__(self) -> None:
        self.columns: dict[str, Column] = {}
        self.rows = 0

    def add(self, fields: Mapping[str, str]) -> None:
        self.rows += 1
        for name, value in fields.items():
            self.columns.setdefault(name, Column()).add(value)

    def merge(self, other: "Table") -> None:
        self.rows += other.rows
        for name, column in other.columns.items():
            self.columns.setdefault(name, Column()).merge(column)

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Columns that say nothing about what a row means, and why. Ask when all rows are in."""
        return {name: why for name in self.columns if (why := self._why_left_out(name))}

    def _why_left_out(self, name: str) -> str:
        column = self.columns[name]
        named = bool(ID_NAME.search(name))
        if not column.filled:
            return "empty"
        if column.is_date:
            return "a date"
        if column.is_address:
            return "a link"
        if column.is_code and (named or column.codes > column.numbers):
            return "an id"
        if named and (column.is_coded or (column.mean_words < 2 and column.varied > 0.5)):
            return "an id"
        if column.is_constant and self.rows > 2:
            return CONSTANT
        if not column.many and {"train", "training"} & column.values.keys() <= SPLITS >= column.values.keys():
            return "which part of a split a row is of"
        return ""


def grouped(tables: Iterable[tuple[str, Table]]) -> dict[str, Table]:
    """Files with the same column names share one table, so that many small files are read as one."""
    by_names: dict[frozenset[str], Table] = {}
    shared: dict[str, Table] = {}
    for uri, table in tables:
        key = frozenset(table.columns)
        if key in by_names:
            by_names[key].merge(table)
        else:
            by_names[key] = table
        shared[uri] = by_names[key]
    return shared
