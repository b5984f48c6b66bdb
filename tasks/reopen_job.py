"""Take up a job again that failed, was cancelled or was left by a process that died."""

import logging

from prefect import task

from errors import InvalidData, NotEnoughData, from_failure
from records import Job
from tasks.attempts import taken_up
from tasks.retries import PATIENT
from tasks.wiring import open_registry, provider_named

log = logging.getLogger("luthier.reopen")


@task(name="reopen job", **PATIENT)
def reopen_job(job_id: str) -> Job:
    """Raises NotFound for an unknown id, and the old failure again where only other data would help."""
    registry = open_registry()
    job = registry.job(job_id)
    if job.failure and job.failure.code in (NotEnoughData.code, InvalidData.code):
        raise from_failure(job.failure)
    job = taken_up(job, provider_named(job.provider), registry)
    log.info("Going on with %s.", job.id)
    return job
