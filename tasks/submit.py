"""Start the job at its provider, or find the one that was started before: exactly one, whatever happens."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from errors import Unavailable
from providers import Provider
from records import Job
from registry.store import Registry
from tasks.failures import kept_with
from tasks.retries import PATIENT
from tasks.wiring import open_registry, provider_named

log = logging.getLogger("luthier.submit")


# the ledger knows what was started; a kept result would not start a trainer that died
@task(name="submit", **PATIENT | {"cache_policy": NO_CACHE})
def submit(job: Job) -> Job:
    """The job with its remote id."""
    registry = open_registry()
    job = registry.job(job.id)
    if job.status == "succeeded":
        return job
    provider = provider_named(job.provider)
    with kept_with(job):
        if provider.resumes:
            remote_id = provider.start(registry.dataset(job.dataset_id), job.recipe, job.id)
        else:
            remote_id = submitted_once(job, provider, registry)
    log.info("Job %s runs on %s.", job.id, provider.title)
    return registry.update_job(job.id, status="in_progress", remote_id=remote_id)


def submitted_once(job: Job, provider: Provider, registry: Registry) -> str:
    """The ledger first, then the vendor's own list (`start` looks for our label), then a new job.

    Raises Unavailable while another worker holds the claim.
    """
    submission, token = registry.intend(job.id, job.provider, job.id)
    if submission.remote_id:
        return submission.remote_id
    if token is None:
        raise Unavailable(
            f"Another worker is submitting {job.id}.", "Nothing to do: this one looks again.", retry_after=5
        )
    try:
        remote_id = provider.start(registry.dataset(job.dataset_id), job.recipe, job.id)
        kept = registry.record_remote(job.id, remote_id).remote_id or remote_id
    finally:
        registry.release(job.id, token)
    if kept != remote_id:
        # our claim ran out in a very slow call and another worker's job counts
        provider.cancel(remote_id)
    return kept
