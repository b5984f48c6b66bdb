"""Every night, the models whose data or spec has changed: `luthier batch run FOLDER`."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from batch.summary import Line, Summary
from records import Failure, Job
from tasks.clean import clean
from tasks.evaluate import evaluate
from tasks.ingest import ingest
from tasks.keep_version import keep_version
from tasks.lanes import Lanes, told_apart
from tasks.naming import batch_name
from tasks.open_job import open_job
from tasks.plan_batch import Order, plan_batch
from tasks.publish import publish
from tasks.reopen_job import reopen_job
from tasks.report_batch import report_batch
from tasks.retries import RESUMABLE
from tasks.settle_order import begun, failed, made, planned
from tasks.structure import structure
from tasks.submit import start
from tasks.teach import teach
from tasks.validate import validate


@flow(name="run-batch", flow_run_name=batch_name, **RESUMABLE)
def run_batch(
    folder: Annotated[str, Field(title="Folder of job specs", max_length=2000)] = "",
    only: Annotated[list[str], Field(title="Only these models")] = [],  # noqa: B006 (nothing changes it)
    dry_run: Annotated[bool, Field(title="Dry run")] = False,
    hosted_at_once: Annotated[int, Field(title="Hosted jobs at once", ge=1, le=500)] = 20,
) -> Summary:
    """Run the job specs whose data or spec has changed since they were last run, and tell what came of all.

    Args:
        folder: Where the specs lie: a folder, or an s3:// or gs:// prefix. Default: LUTHIER_SPECS.
        only: Names of models; only these are made, whether anything has changed or not.
        dry_run: Say what would be run and why, and run nothing.
        hosted_at_once: Jobs that may be open at hosted vendors. Own hardware trains one at a time.
    """
    plan = plan_batch(folder, only)
    lines: list[Line] = list(plan.lines)
    if dry_run:
        return report_batch(plan, lines + [planned(order) for order in plan.orders], dry_run)

    def begin(order: Order) -> Job:
        begun(order)
        spec = order.spec
        rows = ingest(list(spec.sources))
        cleaned = clean(rows, spec.preparation)
        teacher = spec.preparation.teacher
        taught = teach(cleaned, spec.use_case, spec.preparation) if teacher else cleaned
        dataset = structure(taught, spec.use_case, spec.preparation)
        opened = open_job(dataset, spec.recipe, spec.name)
        job = reopen_job(opened.id, validates=True)
        validate(dataset, job.recipe, job)
        return start(job)

    def settle(order: Order, job: Job | None, failure: Failure | None, seconds: float) -> None:
        with told_apart() as fault:
            if job:
                model = publish(job, evaluate(job))
                version = keep_version(order.spec.name, order.spec.alias, model)
                lines.append(made(order, model, version, seconds))
        if wrong := failure or next(iter(fault), None):
            lines.append(failed(order, job, wrong, seconds))

    Lanes(plan.orders, lambda order: order.provider, begin, settle, hosted_at_once).run()
    return report_batch(plan, lines, dry_run)
