"""Rows -> clean rows: repaired, redacted, without noise, duplicates and empty rows. What goes is written down
with its source and the rule. Three passes over files; memory grows by a few hundred bytes a row."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from preparation import rowfile
from preparation.conversations import gathering
from preparation.conversations.speakers import Cast
from preparation.duplicates import Shingles
from preparation.duplicates import near_duplicates as near_duplicate_rows
from preparation.excerpts import shown
from preparation.mapping import Processes
from preparation.mending import Learnt, Mending
from preparation.noise import Denoiser
from preparation.quieting import Kept, Quieting
from preparation.redaction.redactor import Redactor, redacted_drop
from preparation.spool import Spool
from preparation.tables.columns import grouped
from records import Drop, Finding, Redaction, Row, Rows

DUPLICATE = "duplicate"
NEAR_DUPLICATE = "near duplicate"
DUPLICATE_PAGE = "duplicate page"


def clean(
    rows: Rows,
    out: str | Path,
    *,
    near_duplicates: float = 0.85,
    redact: bool = True,
    redaction: Redaction | None = None,
    assistant: str | None = None,
    workers: int | None = None,
) -> Rows:
    """Write `rows.jsonl` and `drops.jsonl` (earlier drops and new ones) to `out`.

    `near_duplicates` is the Jaccard similarity (0 to 1) of words and word pairs at which a row is dropped
    for an earlier one; at 1 only rows go that say the same in the same words. Files are taken in an order
    that depends on their content, so folders and the order of sources change nothing; those that are held
    out come first, so that of two equal rows the one to be trained on goes. `assistant` names the
    person of chats and mails whom the model should speak as. Rows are worked on by as many processes as
    there are cores, or `workers`. Raises InvalidData where `redaction` says to stop at what was found, and
    where nobody of that name speaks; LuthierError where processes are ended from outside.
    """
    uri, drops_uri = rowfile.place(out, "rows.jsonl"), rowfile.place(out, "drops.jsonl")
    with ExitStack() as stack:
        drops = stack.enter_context(rowfile.writing(drops_uri))
        policy = (redaction or Redaction()) if redact else None
        cleaner = _Cleaner(drops, policy, Cast(assistant or ""))
        cleaner.copy_drops(rows.drops_uri)
        mended, distinct = stack.enter_context(Spool()), stack.enter_context(Spool())
        shingles = stack.enter_context(Shingles())
        with Processes(workers) as processes:
            cleaner.mend(rows, mended, processes)
            cleaner.quieten(mended, by_content(rows, mended.uris), distinct, shingles, processes)
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
    """The three passes, and what one row must know of others."""

    def __init__(self, drops: rowfile.Writer, redaction: Redaction | None, cast: Cast):
        self.drops = drops
        self.redaction = redaction
        self.learnt = Learnt(Redactor(redaction) if redaction else None, cast)
        self.dropped: Counter[str] = Counter()

    def drop(self, drop: Drop) -> None:
        self.dropped[drop.reason] += 1
        self.drops.write(drop)

    def copy_drops(self, uri: str) -> None:
        redactor = self.learnt.redactor
        for drop in rowfile.read_drops(uri):
            self.drops.write(redacted_drop(drop, redactor) if redactor else drop)

    def mend(self, rows: Rows, mended: Spool, processes: Processes) -> None:
        """Empty rows go; columns, repeated lines and speakers are learnt."""
        known = gathering.known(rows)
        mending = Mending(self.redaction, known.names)
        for made in processes.mapped(mending, gathering.lines(rows, known)):
            if isinstance(made, Learnt):
                self.learnt.merge(made)
                continue
            for item in made:
                if isinstance(item, Drop):
                    self.drop(item)
                else:
                    mended.write(item)
        self.learnt.cast.check()
        if self.learnt.redactor:
            self.learnt.redactor.stop_if_told()

    def quieten(
        self, mended: Spool, order: Sequence[str], distinct: Spool, shingles: Shingles, processes: Processes
    ) -> None:
        """Exact duplicates go, too."""
        noise, tables = self.learnt.noise, self.learnt.tables
        shared = grouped((uri, tables[uri]) for uri in order if uri in tables)
        quieting = Quieting(self.learnt.cast, Denoiser(noise.headers, noise.boilerplate()), shared)
        met: dict[bytes, int] = {}
        for quiet in processes.mapped(quieting, mended.of_files(order)):
            for part in quieting.settled(quiet):
                stays = []
                for item in part.items:
                    if isinstance(item, Kept):
                        stays.append(self._stays(item, met, distinct))
                    else:
                        self.drop(item)
                shingles.add(part.signed, stays)

    def _stays(self, kept: Kept, met: dict[bytes, int], distinct: Spool) -> bool:
        first = met.setdefault(kept.digest, len(distinct))
        if first < len(distinct):
            row, earlier = Row.model_validate_json(kept.line), distinct.row(first)
            same_document = row.source.page is not None and row.source.uri == earlier.source.uri
            reason = DUPLICATE_PAGE if same_document else DUPLICATE
            self.drop(Drop(source=row.source, reason=reason, excerpt=_compared_with(row, earlier)))
            return False
        distinct.write(kept.line)
        return True

    def remove_near_duplicates(
        self, distinct: Spool, shingles: Shingles, threshold: float, kept: rowfile.Writer
    ) -> None:
        keepers = near_duplicate_rows(shingles, threshold)
        for number in range(len(distinct)):
            line = distinct.line(number)
            if number not in keepers:
                kept.extend([line])
                continue
            row, earlier = Row.model_validate_json(line), distinct.row(keepers[number])
            excerpt = _compared_with(row, earlier)
            self.drop(Drop(source=row.source, reason=NEAR_DUPLICATE, excerpt=excerpt))

    def findings(self) -> list[Finding]:
        learnt = self.learnt
        found = [*learnt.cast.findings(), *(learnt.redactor.findings() if learnt.redactor else ())]
        if learnt.repaired:
            message = f"Damaged or invisible characters were repaired in {learnt.repaired:,} rows."
            found.append(Finding(rule="repaired", severity="info", message=message, count=learnt.repaired))
        if learnt.unmarked:
            message = f"The markup of web pages was made plain text in {learnt.unmarked:,} rows."
            found.append(Finding(rule="markup", severity="info", message=message, count=learnt.unmarked))
        return found


def by_content(rows: Rows, uris: Sequence[str]) -> list[str]:
    """The files, held-out ones first, in an order that no folder or order of sources changes."""
    known = {file.uri: (not file.held, file.sha256, file.name) for file in rows.files}
    return sorted(uris, key=lambda uri: (*known.get(uri, (True, "", "")), uri))


def _compared_with(row: Row, first: Row) -> str:
    return f"{shown(row)} (as {first.source})"
