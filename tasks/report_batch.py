"""The summary of a batch: an artifact for the console, files for who comes later, an error if one failed."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from batch.summary import Line, Summary, markdown, raise_if_failed, rows
from registry import files
from settings import settings
from tasks.artifacts import show_markdown, show_table
from tasks.plan_batch import Plan

log = logging.getLogger("luthier.batch")


@task(name="report batch", cache_policy=NO_CACHE)
def report_batch(plan: Plan, lines: list[Line], dry_run: bool) -> Summary:
    """Raises ModelsFailed, the summary with it, unless nothing was to be made."""
    summary = Summary(folder=plan.folder, dry_run=dry_run, started_at=plan.started_at, lines=tuple(lines))
    show_markdown("batch", markdown(summary), summary.sentence)
    show_table("batch-table", rows(summary), summary.sentence)
    if not dry_run:
        keep(summary)
    log.info("%s", summary.sentence)
    raise_if_failed(summary)
    return summary


def keep(summary: Summary) -> None:
    """As Markdown and JSON in HOME/batches, named by when it began."""
    folder = settings().root / "batches"
    with files.disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"{summary.started_at:%Y-%m-%dT%H%M%S}"
        stem.with_suffix(".md").write_text(markdown(summary), encoding="utf-8")
        stem.with_suffix(".json").write_text(summary.model_dump_json(indent=2), encoding="utf-8")
    log.info("The summary is in %s.md", stem)
