"""The second work on rows: people of conversations get their roles, noise goes, and each row gets what its
duplicates are found by."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from preparation import mapping
from preparation.conversations.speakers import Cast
from preparation.documents.blocks import reflow
from preparation.duplicates import Signed, signed
from preparation.excerpts import excerpt, shown
from preparation.mending import EMPTY
from preparation.noise import Denoiser, Removal, is_too_short
from preparation.rowfile import line_of
from preparation.tables.columns import Table
from records import Drop, Row

TOO_SHORT = "too short"
COMPARED = 1 << 16  # characters of a part that are compared with other rows


class Kept(NamedTuple):
    """A row that stays unless it is a duplicate: two rows of one digest say the same."""

    line: bytes
    digest: bytes


class Quiet(NamedTuple):
    """What became of some rows, in order; `signed` is of those that are kept."""

    items: Sequence[Drop | Kept]
    signed: Signed


class Unsettled(NamedTuple):
    """The same, and rows among them that hold boilerplate, which stays where it is met first."""

    items: Sequence[Drop | Kept | Row]
    signed: Signed


class Compared(NamedTuple):
    kept: Kept
    parts: list[str]


@dataclass
class Quieting:
    """Work that knows what was learnt of all rows."""

    cast: Cast
    denoiser: Denoiser
    tables: Mapping[str, Table]

    def __call__(self, lines: Iterable[bytes]) -> Iterator[Unsettled]:
        for some in mapping.batched(lines):
            items: list[Drop | Kept | Row] = []
            parts: list[list[str]] = []
            for item in (made for line in some for made in self._of_line(line)):
                if isinstance(item, Compared):
                    items.append(item.kept)
                    parts.append(item.parts)
                else:
                    items.append(item)
            yield Unsettled(items, signed(parts))

    def settled(self, found: Unsettled) -> Iterator[Quiet]:
        """Without the boilerplate that was met before; to be asked for all, in their order."""
        start = 0
        for held, run in groupby(found.items, key=lambda item: isinstance(item, Row)):
            if held:
                for row in run:
                    assert isinstance(row, Row)
                    yield self._without_boilerplate(row)
                continue
            items = [item for item in run if not isinstance(item, Row)]
            count = sum(isinstance(item, Kept) for item in items)
            yield Quiet(items, found.signed.part(start, start + count))
            start += count

    def _without_boilerplate(self, row: Row) -> Quiet:
        text, removed = self.denoiser.without_boilerplate(row)
        made = self._finished(row.model_copy(update={"text": text}))
        if isinstance(made, Drop):
            return Quiet([*drops(row, removed), made], signed([]))
        return Quiet([*drops(row, removed), made.kept], signed([made.parts]))

    def _of_line(self, line: bytes) -> Iterator[Drop | Row | Compared]:
        read = Row.model_validate_json(line)
        for row in self.cast.rows(read) if read.speakers else (read,):
            if isinstance(row, str):
                yield Drop(source=read.source, reason=row, excerpt=shown(read))
            elif row.text:
                yield from self._of_text(row)
            else:
                yield self._kept(row, line if row is read else line_of(row))

    def _of_text(self, row: Row) -> Iterator[Drop | Row | Compared]:
        text, removed = self.denoiser.clean(row)
        yield from drops(row, removed)
        row = row.model_copy(update={"text": text})
        yield row if self.denoiser.has_boilerplate(text) else self._finished(row)

    def _finished(self, row: Row) -> Drop | Compared:
        text = reflow(row.text)
        if not any(map(str.isalnum, text)):
            return Drop(source=row.source, reason=EMPTY, excerpt=excerpt(text))
        if is_too_short(text, row.heading):
            return Drop(source=row.source, reason=TOO_SHORT, excerpt=excerpt(text))
        row = row.model_copy(update={"text": text})
        return self._kept(row, line_of(row))

    def _kept(self, row: Row, line: bytes) -> Compared:
        parts = compared(row, self.tables.get(row.source.uri))
        return Compared(Kept(line, digest(row, parts)), parts)


def drops(row: Row, removed: Iterable[Removal]) -> Iterator[Drop]:
    return (Drop(source=row.source, reason=one.rule, excerpt=excerpt(one.text)) for one in removed)


def compared(row: Row, table: Table | None) -> list[str]:
    """The parts in which a duplicate must agree: text and its heading; each column that is no id or date;
    what the person, the assistant and the system say."""
    if row.text:
        return [row.text[:COMPARED], row.heading[-1] if row.heading else ""]
    if row.fields:
        telling = [name for name in row.fields if not (table and name in table.left_out)]
        return [row.fields[name][:COMPARED] for name in sorted(telling or row.fields)]
    return [
        "\n".join(message.content for message in row.messages if message.role == role)[:COMPARED]
        for role in ("user", "assistant", "system")
    ]


def digest(row: Row, parts: Sequence[str]) -> bytes:
    """Of the whole parts, case and blanks levelled; of a dialogue its turns, too."""
    if row.text:
        parts = [row.text, *parts[1:]]
    elif row.messages:
        parts = [f"{message.role} {message.weight} {message.content}" for message in row.messages]
    levelled = "\x00".join(" ".join(part.casefold().split()) for part in parts)
    return hashlib.blake2b(levelled.encode(), digest_size=16).digest()
