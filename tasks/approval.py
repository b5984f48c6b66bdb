"""A person is asked before anything is trained. Called by the flow itself: a task can't end its process."""

import logging
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.flow_runs import pause_flow_run, suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment
from prefect.states import Cancelled, State
from pydantic import Field

from errors import NotConfigured
from records import Dataset, Job
from settings import settings
from tasks.failures import kept_with
from tasks.markdown import approval_markdown
from tasks.wiring import open_registry

log = logging.getLogger("luthier.approval")
KEY = "approval"
WAITING = "luthier.approval.waiting"
PATIENCE_SECONDS = 14 * 24 * 3600


class Approval(RunInput):
    go_on: bool = Field(
        True, title="Train on this data", description="off: the run and its job are cancelled"
    )
    reason: str = Field("", title="Why", description="kept with the run, if you say something")


def approved(job: Job, dataset: Dataset) -> bool:
    """Whether a person wants the training. Until they answer in Prefect's form, a deployed run is suspended:
    its process ends and its slot is free. Raises NotConfigured where nobody could be asked."""
    if job.status == "succeeded":
        return True
    with kept_with(job):
        run = _run()
    if KEY not in (run.empirical_policy.pause_keys or ()):
        _tell(job, dataset, run)
    form = Approval.with_initial_data(description=approval_markdown(dataset))
    if deployment.id:
        answer = suspend_flow_run(wait_for_input=form, timeout=PATIENCE_SECONDS, key=KEY)
    else:
        answer = pause_flow_run(wait_for_input=form, timeout=PATIENCE_SECONDS, key=KEY)
    log.info(
        "%s%s", "Approved" if answer.go_on else "Not approved", f": {answer.reason}" if answer.reason else "."
    )
    return bool(answer.go_on)


def _run() -> FlowRun:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or not settings().prefect_api_url:
        raise NotConfigured(
            "There is nobody to ask: this run is known to no Prefect server.",
            "Use `luthier train --approve` in a terminal, or a deployment (`luthier deploy`).",
        )
    return context.flow_run


def declined(job: Job) -> State[Any]:
    """The end of a run that a person did not want to go on."""
    open_registry().update_job(job.id, status="cancelled")
    return Cancelled(message="Not approved: nothing was trained. The dataset is kept.")


def _tell(job: Job, dataset: Dataset, run: FlowRun) -> None:
    message = f"{job.name}: {dataset.report.train:,} training examples wait for your approval."
    hint = f"Open the run {run.name} in Prefect and choose Resume."
    emit_event(
        event=WAITING,
        resource={"prefect.resource.id": f"luthier.run.{run.id}", "prefect.resource.name": run.name},
        related=[{"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.role": "flow-run"}],
        payload={"message": message, "hint": hint, "job": job.id, "dataset": dataset.id},
    )
    log.info("%s %s", message, hint)
