"""The summary of a batch: an artifact for the console, files for who comes later, an error if one failed."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from batch.summary import Line, Summary, raise_if_failed, rows
from records import content_id
from registry import files
from settings import settings
from tasks.artifacts import show_markdown, show_table
from tasks.markdown import batch_markdown
from tasks.plan_batch import Plan
from tasks.telling import tell
from tasks.wiring import open_registry

log = logging.getLogger("luthier.batch")


@task(name="report batch", cache_policy=NO_CACHE)
def report_batch(plan: Plan, lines: list[Line], dry_run: bool) -> Summary:
    """The summary; of a dry run nothing is kept or told. Raises ModelsFailed, the summary with it."""
    summary = Summary(folder=plan.folder, dry_run=dry_run, started_at=plan.started_at, lines=tuple(lines))
    show_markdown("batch", batch_markdown(summary), summary.sentence)
    show_table("batch-table", rows(summary), summary.sentence)
    if not dry_run:
        keep(summary)
        tell_people(summary)
    log.info("%s", summary.sentence)
    raise_if_failed(summary)
    return summary


def tell_people(summary: Summary) -> None:
    """Of each failure once, as long as it stays the same."""
    registry = open_registry()
    for line in summary.failed:
        assert line.failure
        key = content_id("failed", line.spec, line.name, line.failure.message)
        if line.notify and not registry.was_told(key):
            name = line.name or line.spec
            title = f"{name} was not made"
            tell(
                "luthier.run.failed",
                f"spec.{line.spec}",
                name,
                title,
                line.failure.message,
                line.failure.hint,
            )
            registry.note_told(key)


def keep(summary: Summary) -> None:
    """As Markdown and JSON in HOME/batches, named by when it began."""
    folder = settings().root / "batches"
    with files.disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        stem = folder / f"{summary.started_at:%Y-%m-%dT%H%M%S}"
        stem.with_suffix(".md").write_text(batch_markdown(summary), encoding="utf-8")
        stem.with_suffix(".json").write_text(summary.model_dump_json(indent=2), encoding="utf-8")
    log.info("The summary is in %s.md", stem)
