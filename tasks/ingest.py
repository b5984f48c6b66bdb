"""Files in, rows out: every file is read or named with the reason why not."""

import logging

from prefect import task

from errors import NotFound
from preparation import ingest as reading
from preparation.sources import File
from records import Rows
from settings import settings
from tasks.retries import PATIENT
from tasks.runners import Runner, runner_of
from tasks.wiring import workspace

log = logging.getLogger("luthier.ingest")

BATCH = 200  # files


@task(name="ingest", **PATIENT)
def ingest(sources: list[str], held: tuple[str, ...] = ()) -> Rows:
    """Read files, folders, globs and URIs, and those held out. Raises NotFound where there is nothing."""
    if not sources:
        raise NotFound("No source was given.", "Name at least one file, folder, glob or URI.")
    runner = runner_of(settings().task_runner)
    with workspace("ingest", sources, held) as place:
        files = reading.found(sources, place, held)
        batches = list(reading.batches(files, BATCH)) if runner else []
        if runner and len(batches) > 1:
            rows = reading.joined(_mapped(runner, batches, place), place)
        else:
            rows = reading.read_files(files, place, _cache())
    unread = [file for file in rows.files if not file.used]
    log.info("Read %s rows from %s of %s files.", rows.count, len(rows.files) - len(unread), len(rows.files))
    for file in unread[:20]:
        log.warning("Not used: %s: %s", file.name, file.reason)
    if len(unread) > 20:
        log.warning("… and %s more files that are in the report.", len(unread) - 20)
    return rows


@task(name="read files", **PATIENT)
def read_batch(files: list[File], place: str, workers: int | None) -> Rows:
    """One of many lots; where it runs must see the files and `place` as this machine does."""
    return reading.read_files([File(*file) for file in files], place, _cache(), workers=workers)


def _mapped(runner: Runner, batches: list[list[File]], place: str) -> list[Rows]:
    """A task for each batch. Threads share the cores of this machine; elsewhere each task takes one."""
    with runner:
        futures = [
            runner.submit(read_batch, {"files": batch, "place": f"{place}/{number:05}", "workers": 1})
            for number, batch in enumerate(batches)
        ]
        return [future.result() for future in futures]


def _cache() -> str:
    return str(settings().root / "cache" / "rows")
