"""Wait for the job's end and keep its progress up to date meanwhile."""

import logging
import time

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import TerminationSignal

from errors import TrainingFailed, Unavailable, from_failure
from providers import Provider
from records import ENDED, Job, Progress
from registry.store import Registry
from tasks.artifacts import ProgressBar
from tasks.wiring import open_registry, provider_named

log = logging.getLogger("luthier.wait")
POLL_SECONDS = {"gpu": 0.5}
HOSTED_POLL_SECONDS = 30.0


@task(name="wait", cache_policy=NO_CACHE)
def wait(job: Job) -> Job:
    """The ended job. A poll that fails never fails the job; an interruption cancels it."""
    registry = open_registry()
    job = registry.job(job.id)
    if job.status == "succeeded":
        return job
    provider = provider_named(job.provider)
    try:
        progress = follow(provider, job, registry)
    except (KeyboardInterrupt, TerminationSignal):
        # Ctrl-C, or Prefect ending the run: what was started must not run on unseen
        provider.cancel(job.remote_id or "")
        registry.update_job(job.id, status="cancelled")
        raise
    return ended(job, progress, registry)


def follow(provider: Provider, job: Job, registry: Registry) -> Progress:
    """Poll until the end, keeping each change."""
    bar = ProgressBar(f"progress-{job.id}", f"Training {job.name}")
    last: Progress | None = None
    while True:
        try:
            progress = provider.poll(job.remote_id or "")
        except Unavailable as error:
            log.warning("Could not ask for the job's state, asking again: %s", error.message)
            time.sleep(error.retry_after or HOSTED_POLL_SECONDS)
            continue
        if progress != last:
            last = progress
            log.debug("%s", progress.message, extra={"progress": progress})
            bar.update(100 * progress.step / progress.steps if progress.steps else 0)
            if progress.status not in ENDED:
                registry.update_job(job.id, status=progress.status, progress=progress)
        if progress.status in ENDED:
            return progress
        time.sleep(POLL_SECONDS.get(job.provider, HOSTED_POLL_SECONDS))


def ended(job: Job, progress: Progress, registry: Registry) -> Job:
    """Keep how the job ended; raise its failure. Success is kept once the model is published."""
    if progress.status == "succeeded":
        log.info("Training ended: %s", progress.message)
        return registry.update_job(job.id, progress=progress)
    failure = progress.failure
    registry.update_job(job.id, status=progress.status, progress=progress, failure=failure)
    if failure:
        raise from_failure(failure)
    raise TrainingFailed(
        f"The job {job.id} was cancelled.", f"`luthier jobs retry {job.id}` goes on from where it stopped."
    )
