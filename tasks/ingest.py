"""Files in, rows out: every file is read or named with the reason why not."""

import logging

from prefect import task

from errors import NotFound
from preparation.ingest import ingest as read_sources
from records import Rows
from settings import settings
from tasks.retries import PATIENT
from tasks.wiring import workspace

log = logging.getLogger("luthier.ingest")


@task(name="ingest", **PATIENT)
def ingest(sources: list[str], held: tuple[str, ...] = ()) -> Rows:
    """Read files, folders, globs and URIs, and those held out. Raises NotFound where there is nothing."""
    if not sources:
        raise NotFound("No source was given.", "Name at least one file, folder, glob or URI.")
    with workspace("ingest", sources, held) as place:
        rows = read_sources(sources, place, settings().root / "cache" / "rows", held=held)
    unread = [file for file in rows.files if not file.used]
    log.info("Read %s rows from %s of %s files.", rows.count, len(rows.files) - len(unread), len(rows.files))
    for file in unread[:20]:
        log.warning("Not used: %s: %s", file.name, file.reason)
    if len(unread) > 20:
        log.warning("… and %s more files that are in the report.", len(unread) - 20)
    return rows
