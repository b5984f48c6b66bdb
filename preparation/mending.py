"""The first work on rows: damaged characters repaired, markup made text, secrets replaced, empty rows out.
Meanwhile it is learnt what the second one must know of all rows: columns, repeated lines, who speaks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from preparation import mapping
from preparation.conversations.gathering import Names
from preparation.conversations.speakers import Cast
from preparation.excerpts import shown
from preparation.noise import NoiseProfile
from preparation.redaction.redactor import Redactor, redacted_drop
from preparation.repair import repair
from preparation.rowfile import line_of
from preparation.tables.columns import Table
from preparation.unmarking import plain_row
from records import Drop, Redaction, Row

EMPTY = "empty"


@dataclass
class Learnt:
    """What the rows of some pieces tell of all."""

    redactor: Redactor | None
    cast: Cast = field(default_factory=Cast)
    noise: NoiseProfile = field(default_factory=NoiseProfile)
    tables: dict[str, Table] = field(default_factory=dict)
    repaired: int = 0
    unmarked: int = 0

    def add(self, row: Row) -> None:
        if row.speakers:
            self.cast.add(row)
        elif row.text:
            self.noise.add(row)
        elif row.fields:
            self.tables.setdefault(row.source.uri, Table()).add(row.fields)

    def merge(self, other: "Learnt") -> None:
        """Of the pieces that come next."""
        if self.redactor and other.redactor:
            self.redactor.merge(other.redactor)
        self.cast.merge(other.cast)
        self.noise.merge(other.noise)
        for uri, table in other.tables.items():
            self.tables.setdefault(uri, Table()).merge(table)
        self.repaired += other.repaired
        self.unmarked += other.unmarked


@dataclass
class Mending:
    """Work that gives lines of rows and drops, and what was learnt of them at last. Without a `redaction`
    nothing is replaced."""

    redaction: Redaction | None
    names: Names

    def __call__(self, lines: Iterable[bytes]) -> Iterator[list[bytes | Drop] | Learnt]:
        learnt = Learnt(Redactor(self.redaction) if self.redaction else None)
        for some in mapping.batched(lines):
            yield [made for line in some for made in self._of_line(line, learnt)]
        learnt.noise.end_document()
        yield learnt

    def _of_line(self, line: bytes, learnt: Learnt) -> Iterator[bytes | Drop]:
        if line.startswith(mapping.LEFT_OUT):
            drop = Drop.model_validate_json(line[1:])
            yield redacted_drop(drop, learnt.redactor) if learnt.redactor else drop
            return
        if line.startswith(mapping.SETTLED):
            line = line[1:]
            yield from self._of_row(Row.model_validate_json(line), line, learnt)
            return
        read = Row.model_validate_json(line)
        for row in self.names.told(read):
            if isinstance(row, Drop):
                yield redacted_drop(row, learnt.redactor) if learnt.redactor else row
            else:
                yield from self._of_row(row, line if row is read else b"", learnt)

    def _of_row(self, row: Row, line: bytes, learnt: Learnt) -> Iterator[bytes | Drop]:
        """`line` is how the row is written, if that is known."""
        fixed = repaired_row(row)
        learnt.repaired += fixed is not row and shown(fixed, None).split() != shown(row, None).split()
        plain = plain_row(fixed)
        learnt.unmarked += plain is not fixed
        fixed = plain
        if is_empty(fixed):
            yield Drop(source=row.source, reason=EMPTY)
            return
        if redactor := learnt.redactor:
            redacted = redactor.row(fixed)
            if reason := redactor.dropped():
                yield Drop(source=row.source, reason=reason, excerpt=shown(redacted))
                return
            fixed = redacted if redactor.met else fixed
        learnt.add(fixed)
        yield line if line and fixed is row else line_of(fixed)


def repaired_row(row: Row) -> Row:
    """The same row if it is in order."""
    changes: dict[str, object] = {}
    if row.text:
        changes = {"text": repair(row.text), "heading": tuple(map(repair, row.heading))}
    elif row.fields:
        changes = {"fields": {name: repair(value) for name, value in row.fields.items()}}
    elif row.messages:
        changes = {
            "messages": tuple(
                message.model_copy(update={"content": repair(message.content)}) for message in row.messages
            )
        }
    return (
        row
        if all(getattr(row, name) == value for name, value in changes.items())
        else row.model_copy(update=changes)
    )


def is_empty(row: Row) -> bool:
    """Nothing but blanks. Any sign counts in a record or a dialogue, where an emoji may be the answer."""
    if row.text:
        return not any(map(str.isalnum, row.text))
    return not any(value.strip() for value in [*row.fields.values(), *(m.content for m in row.messages)])
