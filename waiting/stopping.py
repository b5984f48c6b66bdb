"""A job is called off: at its vendor, or its trainer, and with it the runs that work on nothing else."""

import logging

from errors import LuthierError, Unavailable
from providers import TITLES, is_hosted
from records import ENDED, Failure, Job, now
from waiting.ending import end_runs
from waiting.polling import Polling

log = logging.getLogger("luthier.waiting")


def call_off(job: Job, asking: Polling) -> Job:
    """Cancel the job and its runs, whatever they are doing: running, parked, scheduled or queued.

    Raises Unavailable; the job and its runs go on then, and so does their card.
    """
    registry = asking.registry
    runs = [run for run in registry.runs_of_job(job.id) if run.status not in ENDED]
    # so that nothing starts them again; a server that has a process for one stops it
    for run in runs:
        registry.update_run(run.id, status="cancelled", failure=None)
    try:
        end_carriers(job, asking)
        return stop(job, asking)
    except LuthierError:
        for run in runs:
            registry.reopen_run(run.id)
        raise


def end_carriers(job: Job, asking: Polling) -> None:
    """Cancel the Prefect runs that work on this job alone; one of many jobs sees the end and goes on."""
    registry = asking.registry
    if not asking.settings.prefect_api_url:
        return
    alone = [
        id
        for id in registry.carriers(job.id)
        if all(one.id == job.id or one.status in ENDED for one in registry.carried_jobs(id))
    ]
    try:
        end_runs(alone)
        registry.forget_parked(alone)
    except Unavailable as error:
        # its runs look at the job before they do anything to it
        log.warning("The job's run could not be cancelled: %s", error)


def stop(job: Job, asking: Polling, failure: Failure | None = None) -> Job:
    """End the job, at its vendor or its trainer and in the registry: cancelled, or failed with `failure`.

    A submission that is under way at this moment finds the job ended and takes its own back; a process that
    follows a trainer on another machine finds it, and stops the trainer. Raises Unavailable.
    """
    registry = asking.registry
    remote_id = job.remote_id
    submission = registry.submitted(job.id) if remote_id is None else None
    if not is_hosted(job.provider) or submission:
        remote_id = asking.provider(job.provider).find(job.id)
    until = submission.doubtful_until if submission else None
    if remote_id is None and until and until > now():
        log.warning(
            "Whether %s has started %s is not known: it may list it until %s UTC. `luthier jobs clean` "
            "finds it there then, and stops it.",
            TITLES[job.provider],
            job.id,
            f"{until:%H:%M}",
            extra={"job": job.id},
        )
    if remote_id:
        asking.provider(job.provider).cancel(remote_id)
    ended = registry.update_job(job.id, status="failed" if failure else "cancelled", failure=failure)
    if is_hosted(job.provider) and ended.remote_id not in (None, remote_id) and ended.status != "succeeded":
        asking.provider(job.provider).cancel(ended.remote_id or "")
    return ended
