"""`luthier jobs`: list, show, follow, cancel and retry."""

from typing import Annotated

import typer

import providers
from cli import options, views
from cli.terminal import err, out, print_json, table
from cli.train import run_flow, show_result
from errors import NotFound
from records import ENDED, Job, TunedModel
from settings import settings

app = typer.Typer(help="Training jobs: list, show, events, cancel, retry.", invoke_without_command=True)
JobId = Annotated[str, typer.Argument(metavar="JOB", help="an id, or the beginning of one")]


@app.callback()
def jobs(context: typer.Context, json: options.Json = False) -> None:
    """List all jobs, the newest first."""
    if context.invoked_subcommand:
        return
    found = options.open_registry().jobs()
    print_json({"jobs": found}) if json else views.list_jobs(found)


@app.command()
def show(job: JobId, json: options.Json = False) -> None:
    """One job: status, recipe, failure and what to do about it."""
    registry = options.open_registry()
    found = registry.job(job)
    model = registry.model_of_job(found.id)
    print_json({"job": found, "model": model}) if json else views.show_job(found, model)


@app.command()
def events(job: JobId, json: options.Json = False) -> None:
    """What happened in the job, in order."""
    found = options.open_registry().job(job)
    happened = provider_of(found).events(found.remote_id) if found.remote_id else []
    if json:
        print_json({"events": happened})
    for event in happened if not json else []:
        out.print(f"{event.at:%Y-%m-%d %H:%M:%S}  {event.level:7}  {event.message}", markup=False)


@app.command()
def cancel(job: JobId, json: options.Json = False) -> None:
    """Stop a job at its provider. `retry` goes on with it."""
    registry = options.open_registry()
    found = registry.job(job)
    if found.status in ENDED:
        raise NotFound(
            f"The job {found.id} has ended already: {found.status}.", "There is nothing to cancel."
        )
    if found.remote_id:
        provider_of(found).cancel(found.remote_id)
    found = registry.update_job(found.id, status="cancelled")
    print_json({"job": found}) if json else err.print(f"Cancelled {found.id}.")


@app.command()
def retry(job: JobId, json: options.Json = False) -> None:
    """Go on with a job that failed, was stopped or lost its process; nothing is prepared again."""
    registry = options.open_registry()
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


def provider_of(job: Job) -> providers.Provider:
    return providers.get(job.provider, **settings().provider_arguments(job.provider))
