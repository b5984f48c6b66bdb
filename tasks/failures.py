"""Keeps a failure with its job, so that the card, the API and the command line say the same sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.runtime import task_run

from errors import LuthierError, TrainingFailed, Unavailable, from_failure
from logs import about
from providers import is_hosted
from records import Job
from tasks.retries import PATIENT, is_far_off
from tasks.wiring import open_registry


@contextmanager
def kept_with(job: Job | None, put_off: bool = False) -> Iterator[None]:
    """Mark the job failed when a LuthierError passes, unless it is about to be tried again.

    `put_off`: the caller tries again later where the vendor asks for a wait of hours.
    """
    about(job=job.id if job else "")
    try:
        yield
    except LuthierError as error:
        again = put_off if is_far_off(error) else isinstance(error, Unavailable) and will_be_retried()
        if job and not again:
            open_registry().update_job(job.id, status="failed", failure=error.failure)
        raise


def ended_well(job: Job) -> Job:
    """The job, unless it ended badly: then its failure is raised."""
    if job.status == "failed" and job.failure:
        raise from_failure(job.failure)
    if job.status in ("failed", "cancelled"):
        raise cancelled(job)
    return job


def cancelled(job: Job) -> TrainingFailed:
    """By whom is not known where only its provider told."""
    if job.progress and job.progress.status == "cancelled" and is_hosted(job.provider):
        return TrainingFailed(
            f"The job {job.id} was cancelled at its provider.",
            f"If nobody here did that, ask who did there. `luthier jobs retry {job.id}` starts a new "
            "attempt, which is paid for anew.",
        )
    return TrainingFailed(
        f"The job {job.id} was cancelled.", f"`luthier jobs retry {job.id}` goes on from where it stopped."
    )


def will_be_retried() -> bool:
    return bool(task_run.id) and (task_run.run_count or 1) <= PATIENT["retries"]
