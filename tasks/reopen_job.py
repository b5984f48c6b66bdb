"""Take up a job: go on with one that failed, was cancelled or was left by a process that died."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from errors import InvalidData, NotEnoughData, from_failure
from logs import about
from records import Job
from tasks.attempts import taken_up
from tasks.retries import PATIENT
from tasks.wiring import carry, open_registry, provider_named, resumed

log = logging.getLogger("luthier.reopen")


# on a retry of the run the job may have failed since
@task(name="take up job", **PATIENT | {"cache_policy": NO_CACHE})
def reopen_job(job_id: str, validates: bool = False) -> Job:
    """The job, or its next attempt, open for work.

    Raises NotFound for an unknown id, and the old failure again where only other data would help, unless
    the flow `validates` the data next, which says more.
    """
    if job := resumed():
        about(job=job.id)
        # nobody asked for a retry: how the job ended meanwhile is to be told, not to be tried again
        return job
    registry = open_registry()
    job = registry.job(job_id)
    about(job=job_id)
    if not validates and job.failure and job.failure.code in (NotEnoughData.code, InvalidData.code):
        raise from_failure(job.failure)
    if job.status in ("failed", "cancelled"):
        job = taken_up(job, provider_named(job.provider), registry)
        log.info("Going on with %s.", job.id)
    about(job=job.id)
    carry(job)
    return job
