"""Start the job at its provider, or find the one that was started before."""

import logging

from prefect import task

from records import Job
from tasks.failures import kept_with
from tasks.retries import PATIENT
from tasks.wiring import open_registry, provider_named

log = logging.getLogger("luthier.submit")


@task(name="submit", **PATIENT)
def submit(job: Job) -> Job:
    """The job with its remote id. Never starts a second one under the same label."""
    registry = open_registry()
    job = registry.job(job.id)
    if job.status == "succeeded":
        return job
    provider = provider_named(job.provider)
    with kept_with(job):
        remote_id = provider.start(registry.dataset(job.dataset_id), job.recipe, job.id)
    log.info("Started %s on %s.", job.id, provider.title)
    return registry.update_job(job.id, status="in_progress", remote_id=remote_id)
