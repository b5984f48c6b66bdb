"""Which failed jobs are tried again by themselves, and why the others are left."""

import logging
from datetime import datetime, timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from batch.chores import Retry
from records import Job, now
from registry.batches import Tries
from registry.store import Registry
from tasks.retries import PATIENT, passes
from tasks.wiring import open_registry

log = logging.getLogger("luthier.retry")


@task(name="choose retries", **PATIENT | {"cache_policy": NO_CACHE})
def choose_retries(most: int, first_wait_minutes: float) -> list[Retry]:
    """One for each failed job, the oldest first; of several attempts at the same work the last counts."""
    registry = open_registry()
    newest: dict[str, Job] = {}
    for job in registry.jobs():
        known = newest.get(work_of(job))
        if known is None or job.attempt > known.attempt:
            newest[work_of(job)] = job
    failed = sorted(
        (job for job in newest.values() if job.status == "failed"), key=lambda job: job.updated_at
    )
    chosen = [choice(job, registry, most, first_wait_minutes) for job in failed]
    for one in chosen:
        log.info("%s (%s): %s: %s", one.job_id, one.name, one.what, one.reason)
    return chosen


def choice(job: Job, registry: Registry, most: int, first_wait_minutes: float) -> Retry:
    about = {"job_id": job.id, "name": job.name, "provider": job.provider}
    if job.failure is None or not passes(job.failure):
        said = f"{job.failure.message} {job.failure.hint}" if job.failure else "Nobody knows why it failed."
        return Retry(**about, what="left", reason=f"it needs a person: {said}")
    tries = registry.tries(work_of(job))
    if tries.spent >= most:
        return Retry(
            **about, what="left",
            reason=f"it was tried again {tries.spent} times already, and failed: {job.failure.message}",
        )  # fmt: skip
    due = since(job, tries) + timedelta(minutes=first_wait_minutes * 2**tries.spent)
    if due > now():
        return Retry(**about, what="left", reason=f"it is not its turn before {due:%Y-%m-%d %H:%M} UTC")
    return Retry(
        **about, what="retried", reason=f"try {tries.spent + 1} of {most} after: {job.failure.message}"
    )


def since(job: Job, tries: Tries) -> datetime:
    """The last failure, or the last try where that came later and left no trace."""
    failed = job.finished_at or job.updated_at
    return max(failed, tries.last_at) if tries.last_at else failed


def work_of(job: Job) -> str:
    """The same for all attempts at one dataset and recipe."""
    return Job.id_for(job.dataset_id, job.recipe, 1)
