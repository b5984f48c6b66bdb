"""The first step: all files there are, read into one file of rows. What can't be read is named, with why."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from preparation import readers
from preparation.rowfile import Writer, place, writing
from preparation.sources import Copy, fetched, find_files, unopened
from records import Drop, FileReport, Rows, Source


def ingest(sources: Sequence[str], out: str | Path) -> Rows:
    """Read the sources into `rows.jsonl` in the folder or URI `out`, what was left out into `drops.jsonl`.

    A source is a file, a folder (all below it, hidden ones aside), a glob or an fsspec URI. The rows come by
    the name of their file, then by its content: neither the order of the sources nor where they lie changes
    them. Raises NotFound for a source that does not exist, NotConfigured or Unavailable for a remote one that
    can't be reached; a file that can't be read is only reported.
    """
    uri, drops_uri = place(out, "rows.jsonl"), place(out, "drops.jsonl")
    files = find_files([str(source) for source in sources], out=uri.rpartition("/")[0])
    with writing(uri) as rows, writing(drops_uri) as drops:
        reports = tuple(_take(copy, rows, drops) for copy in fetched(files))
    return Rows(uri=uri, drops_uri=drops_uri, count=rows.count, files=reports, dropped=dict(drops.reasons))


def _take(copy: Copy, rows: Writer, drops: Writer) -> FileReport:
    before, drops_before = rows.mark(), drops.mark()
    reason = copy.fault
    try:
        if not reason:
            for item in readers.read(copy.path, Source(uri=copy.file.uri)):
                (drops if isinstance(item, Drop) else rows).write(item)
            reason = _emptiness(drops, drops_before.reasons) if rows.count == before.count else ""
    except (readers.Unreadable, OSError) as error:
        rows.take_back(before)
        drops.take_back(drops_before)
        reason = unopened(error) if isinstance(error, OSError) else str(error)
    return FileReport(
        uri=copy.file.uri,
        name=copy.file.name,
        sha256=copy.sha256,
        bytes=copy.bytes,
        rows=rows.count - before.count,
        used=not reason,
        reason=reason,
    )


def _emptiness(drops: Writer, before: Counter[str]) -> str:
    """Why a file that could be read gave no row."""
    dropped = drops.reasons - before
    if not dropped:
        return "It holds no text."
    (reason, count), *others = dropped.most_common()
    return f"Nothing in it could be used: {reason} ({count:,} times){' and others' if others else ''}."
