"""Keeps a failure with its job, so that the card, the API and the command line say the same sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.runtime import task_run

from errors import LuthierError, Unavailable
from records import Job
from tasks.retries import PATIENT
from tasks.wiring import open_registry


@contextmanager
def kept_with(job: Job | None) -> Iterator[None]:
    """Mark the job failed when a LuthierError passes, unless it is about to be tried again."""
    try:
        yield
    except LuthierError as error:
        if job and not (isinstance(error, Unavailable) and will_be_retried()):
            open_registry().update_job(job.id, status="failed", failure=error.failure)
        raise


def will_be_retried() -> bool:
    return bool(task_run.id) and (task_run.run_count or 1) <= PATIENT["retries"]
