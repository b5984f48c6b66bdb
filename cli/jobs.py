"""`luthier jobs`: list, show, follow, cancel, retry and clean up."""

from typing import Annotated

import typer

from cli import cleaning, options, spending, views
from cli.terminal import err, out, print_json, table
from cli.train import run_flow, show_result
from cli.wiring import open_registry, provider_named
from errors import LuthierError, NotFound
from providers.hosted import Leftover
from records import ENDED, TunedModel
from settings import settings
from waiting.polling import Polling
from waiting.stopping import call_off

app = typer.Typer(
    help="Training jobs: list, show, events, cancel, retry, clean.", invoke_without_command=True
)
JobId = Annotated[str, typer.Argument(metavar="JOB", help="an id, or the beginning of one")]


@app.callback()
def jobs(context: typer.Context, json: options.Json = False) -> None:
    """List all jobs, the newest first."""
    if context.invoked_subcommand:
        return
    registry = open_registry()
    Polling(registry, settings()).notice_ends()
    found = registry.jobs()
    bill = spending.of_jobs(found)
    print_json({"jobs": found, **bill._asdict()}) if json else views.list_jobs(found, bill)


@app.command()
def show(job: JobId, json: options.Json = False) -> None:
    """One job: status, recipe, failure and what to do about it."""
    registry = open_registry()
    Polling(registry, settings()).notice_ends()
    found = registry.job(job)
    model = registry.model_of_job(found.id)
    billed = spending.of_job(found)
    if json:
        print_json({"job": found, "model": model, "billed": billed})
    else:
        views.show_job(found, model, billed)


@app.command()
def events(job: JobId, json: options.Json = False) -> None:
    """What happened in the job, in order."""
    found = open_registry().job(job)
    happened = provider_named(found.provider).events(found.remote_id) if found.remote_id else []
    if json:
        print_json({"events": happened})
    for event in happened if not json else []:
        out.print(f"{event.at:%Y-%m-%d %H:%M:%S}  {event.level:7}  {event.message}", markup=False)


@app.command()
def cancel(job: JobId, json: options.Json = False) -> None:
    """Stop a job at its provider, whatever its run is doing, and the run. `retry` goes on with it."""
    registry = open_registry()
    found = registry.job(job)
    if found.status in ENDED:
        raise NotFound(
            f"The job {found.id} has ended already: {found.status}.", "There is nothing to cancel."
        )
    found = call_off(found, Polling(registry, settings()))
    print_json({"job": found}) if json else err.print(f"Cancelled {found.id}.")


@app.command()
def clean(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="remove it without asking")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="also jobs and models that a retry could still use")
    ] = False,
    json: options.Json = False,
) -> None:
    """List what failed and cancelled jobs left at the vendors, and remove it on confirmation.

    With --json nothing is removed unless --yes is given.
    """
    registry = open_registry()
    searched = cleaning.search(registry, everything)
    doomed = [one for one in searched.found if not one.keep]
    if not json:
        views.list_leftovers(searched)
    removed: list[str] = []
    failed: dict[str, str] = {}
    if doomed and (yes or (not json and typer.confirm(f"Remove {len(doomed)} of them?", err=True))):
        for one in doomed:
            try:
                searched.vendors[one.provider].remove(Leftover(one.kind, one.id, one.note))
                removed.append(one.id)
            except LuthierError as error:
                failed[one.id] = error.message
    if json:
        found = [one._asdict() for one in searched.found]
        print_json({"found": found, "removed": removed, "failed": failed, "unasked": searched.unasked})
        return
    for name, why in failed.items():
        err.print(f"Not removed: {name}: {why}", markup=False)
    if removed:
        err.print(f"Removed {len(removed)}.")


@app.command()
def retry(job: JobId, json: options.Json = False) -> None:
    """Go on with a job that failed, was stopped or lost its process; nothing is prepared again."""
    registry = open_registry()
    model: TunedModel = run_flow("finish_job", {"job_id": registry.job(job).id})
    show_result(model, registry, json)


@app.command("retry-failed")
def retry_failed(
    most: Annotated[int, typer.Option(min=1, help="tries of one job, over all its attempts")] = 3,
    wait_minutes: Annotated[
        float, typer.Option(min=0, help="before the first try; each further one waits twice as long")
    ] = 15,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be tried and why")] = False,
    json: options.Json = False,
) -> None:
    """Go on with all failed jobs whose fault may have passed; tells what it leaves, and why."""
    parameters = {"most": most, "first_wait_minutes": wait_minutes, "dry_run": dry_run}
    found = run_flow("retry_failed", parameters)
    if json:
        print_json({"retries": found})
        return
    rows = [
        (one.job_id, one.name, "would be retried" if dry_run and one.what == "retried" else one.what,
         f"{one.reason} {one.ended}".strip())
        for one in found
    ]  # fmt: skip
    table("Failed jobs", "job", "model", "", "why, and how it went", rows=rows) if rows else out.print(
        "No job has failed."
    )
