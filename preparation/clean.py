"""Rows -> clean rows: repaired, redacted, without noise, duplicates and empty rows. What goes is written down
with its source and the rule. Three passes over files; memory grows by a few hundred bytes a row."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from preparation import rowfile
from preparation.blocks import reflow
from preparation.columns import Table, grouped
from preparation.duplicates import Shingles
from preparation.duplicates import near_duplicates as near_duplicate_rows
from preparation.gathering import gathered
from preparation.noise import Denoiser, NoiseProfile, is_too_short
from preparation.redaction import Redactor, redacted_drop
from preparation.repair import repair
from preparation.speakers import Cast
from preparation.spool import Spool
from records import Drop, Finding, Redaction, Row, Rows, Source

EMPTY = "empty"
TOO_SHORT = "too short"
DUPLICATE = "duplicate"
NEAR_DUPLICATE = "near duplicate"
DUPLICATE_PAGE = "duplicate page"

EXCERPT = 160
COMPARED = 1 << 16  # characters of a part that are compared with other rows


def clean(
    rows: Rows,
    out: str | Path,
    *,
    near_duplicates: float = 0.85,
    redact: bool = True,
    redaction: Redaction | None = None,
    assistant: str | None = None,
) -> Rows:
    """Write `rows.jsonl` and `drops.jsonl` (earlier drops and new ones) to `out`.

    `near_duplicates` is the Jaccard similarity (0 to 1) of words and word pairs at which a row is dropped
    for an earlier one; at 1 only rows go that say the same in the same words. Files are taken in an order
    that depends on their content, so folders and the order of sources change nothing; those that are held
    out come first, so that of two equal rows the one to be trained on goes. `assistant` names the
    person of chats and mails whom the model should speak as. Raises InvalidData where `redaction` says to
    stop at what was found, and where nobody of that name speaks.
    """
    uri, drops_uri = rowfile.place(out, "rows.jsonl"), rowfile.place(out, "drops.jsonl")
    with ExitStack() as stack:
        drops = stack.enter_context(rowfile.writing(drops_uri))
        cleaner = _Cleaner(
            drops, Redactor(redaction or Redaction()) if redact else None, Cast(assistant or "")
        )
        cleaner.copy_drops(rows.drops_uri)
        repaired, distinct = stack.enter_context(Spool()), stack.enter_context(Spool())
        shingles = stack.enter_context(Shingles())
        cleaner.repair(rows, repaired)
        cleaner.remove_noise(repaired, by_content(rows, repaired.uris), distinct, shingles)
        kept = stack.enter_context(rowfile.writing(uri))
        cleaner.remove_near_duplicates(distinct, shingles, near_duplicates, kept)
    return rows.but(
        uri=uri,
        drops_uri=drops_uri,
        count=kept.count,
        dropped=dict(sorted((Counter(rows.dropped) + cleaner.dropped).items())),
        findings=(*rows.findings, *cleaner.findings()),
    )


class _Cleaner:
    """The three passes and what they learn."""

    def __init__(self, drops: rowfile.Writer, redactor: Redactor | None, cast: Cast):
        self.drops = drops
        self.cast = cast
        self.redactor = redactor
        self.noise = NoiseProfile()
        self.tables: dict[str, Table] = {}
        self.dropped: Counter[str] = Counter()
        self.repaired = 0

    def drop(self, source: Source, reason: str, text: str) -> None:
        self.dropped[reason] += 1
        self.drops.write(Drop(source=source, reason=reason, excerpt=text))

    def copy_drops(self, uri: str) -> None:
        for drop in rowfile.read_drops(uri):
            self.drops.write(redacted_drop(drop, self.redactor) if self.redactor else drop)

    def repair(self, rows: Rows, repaired: Spool) -> None:
        """Empty rows go; columns and repeated lines are learnt."""
        for row in gathered(rows):
            if isinstance(row, Drop):
                drop = redacted_drop(row, self.redactor) if self.redactor else row
                self.drop(drop.source, drop.reason, drop.excerpt)
                continue
            fixed = repaired_row(row)
            self.repaired += fixed is not row and shown(fixed, None).split() != shown(row, None).split()
            if is_empty(fixed):
                self.drop(row.source, EMPTY, "")
                continue
            if self.redactor:
                fixed = self.redactor.row(fixed)
                if reason := self.redactor.dropped():
                    self.drop(row.source, reason, shown(fixed))
                    continue
            if fixed.speakers:
                self.cast.add(fixed)
            elif fixed.text:
                self.noise.add(fixed)
            elif fixed.fields:
                self.tables.setdefault(row.source.uri, Table()).add(fixed.fields)
            repaired.write(fixed)
        self.noise.end_document()
        self.cast.check()
        if self.redactor:
            self.redactor.stop_if_told()

    def remove_noise(
        self, repaired: Spool, order: Sequence[str], distinct: Spool, shingles: Shingles
    ) -> None:
        """Exact duplicates go, too."""
        denoiser = Denoiser(self.noise.headers, self.noise.boilerplate())
        tables = grouped((uri, self.tables[uri]) for uri in order if uri in self.tables)
        met: dict[bytes, int] = {}
        for row in self._with_roles(repaired.of_files(order)):
            quiet = self._without_noise(row, denoiser) if row.text else row
            if quiet is None:
                continue
            parts = compared(quiet, tables.get(row.source.uri))
            first = met.setdefault(_digest(quiet, parts), len(distinct))
            if first < len(distinct):
                self._drop_duplicate(quiet, distinct.row(first))
                continue
            distinct.write(quiet)
            shingles.add(parts)

    def _with_roles(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if not row.speakers:
                yield row
                continue
            for made in self.cast.rows(row):
                if isinstance(made, Row):
                    yield made
                else:
                    self.drop(row.source, made, shown(row))

    def _without_noise(self, row: Row, denoiser: Denoiser) -> Row | None:
        text, removed = denoiser.clean(row)
        for removal in removed:
            self.drop(row.source, removal.rule, excerpt(removal.text))
        text = reflow(text)
        if not any(map(str.isalnum, text)):
            self.drop(row.source, EMPTY, excerpt(text))
        elif is_too_short(text, row.heading):
            self.drop(row.source, TOO_SHORT, excerpt(text))
        else:
            return row.model_copy(update={"text": text})
        return None

    def _drop_duplicate(self, row: Row, first: Row) -> None:
        same_document = row.source.page is not None and row.source.uri == first.source.uri
        self.drop(row.source, DUPLICATE_PAGE if same_document else DUPLICATE, _compared_with(row, first))

    def remove_near_duplicates(
        self, distinct: Spool, shingles: Shingles, threshold: float, kept: rowfile.Writer
    ) -> None:
        keepers = near_duplicate_rows(shingles, threshold)
        for number in range(len(distinct)):
            row = distinct.row(number)
            if number in keepers:
                self.drop(row.source, NEAR_DUPLICATE, _compared_with(row, distinct.row(keepers[number])))
            else:
                kept.write(row)

    def findings(self) -> list[Finding]:
        found = [*self.cast.findings(), *(self.redactor.findings() if self.redactor else ())]
        if self.repaired:
            message = f"Damaged or invisible characters were repaired in {self.repaired:,} rows."
            found.append(Finding(rule="repaired", severity="info", message=message, count=self.repaired))
        return found


def by_content(rows: Rows, uris: Sequence[str]) -> list[str]:
    """The files, held-out ones first, in an order that no folder or order of sources changes."""
    known = {file.uri: (not file.held, file.sha256, file.name) for file in rows.files}
    return sorted(uris, key=lambda uri: (*known.get(uri, (True, "", "")), uri))


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


def _digest(row: Row, parts: Sequence[str]) -> bytes:
    """Of the whole parts, case and blanks levelled; of a dialogue its turns, too."""
    if row.text:
        parts = [row.text, *parts[1:]]
    elif row.messages:
        parts = [f"{message.role} {message.weight} {message.content}" for message in row.messages]
    levelled = "\x00".join(" ".join(part.casefold().split()) for part in parts)
    return hashlib.blake2b(levelled.encode(), digest_size=16).digest()


def excerpt(text: str, length: int | None = EXCERPT) -> str:
    if length is None:
        return text
    flat = " ".join(text[: 4 * length].split())
    return flat if len(flat) <= length else f"{flat[: length - 1]}…"


def shown(row: Row, length: int | None = EXCERPT) -> str:
    """What a row says, for a person to recognise it."""
    if row.text:
        return excerpt(row.text, length)
    if row.fields:
        return excerpt(" | ".join(row.fields.values()), length)
    return excerpt(" | ".join(message.content for message in row.messages), length)


def _compared_with(row: Row, first: Row) -> str:
    return f"{shown(row)} (as {first.source})"
