"""Go on with a job that was started, stopped or failed, from its submission on: `luthier jobs retry JOB`."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from records import Job, TunedModel
from tasks.evaluate import evaluate
from tasks.limits import training_slot
from tasks.naming import run_name
from tasks.publish import publish
from tasks.reopen_job import reopen_job
from tasks.retries import RESUMABLE
from tasks.submit import submit
from tasks.wait import wait


@flow(name="finish-job", flow_run_name=run_name, **RESUMABLE)
def finish_job(
    job_id: Annotated[str, Field(title="Job", min_length=1, max_length=64)],
    to_the_end: Annotated[bool, Field(title="Wait for the model")] = True,
) -> TunedModel | Job:
    """Submit or find the job, wait, evaluate, publish. Nothing is read, cleaned or validated again.

    Args:
        job_id: An id that `luthier jobs` lists.
        to_the_end: Off: return the job as it is as soon as there is only waiting left.
    """
    job = reopen_job(job_id)
    with training_slot(job):
        submitted = submit(job, to_the_end)
        if submitted.waits and not to_the_end:
            return submitted
        ended = wait(submitted)
    evaluation = evaluate(ended)
    return publish(ended, evaluation)
