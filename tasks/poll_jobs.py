"""Ask the vendors for all open hosted jobs at once."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.limits import at_rate
from tasks.wiring import polling

log = logging.getLogger("luthier.poll")


@task(name="poll jobs", cache_policy=NO_CACHE)
def poll_jobs() -> list[str]:
    """The ids of the jobs that have ended since the last time, well or badly."""
    ended = polling().sweep(at_rate)
    for job in ended:
        said = job.failure or job.progress
        log.info(
            "%s (%s) has ended. %s", job.id, job.name, said.message if said else "", extra={"job": job.id}
        )
    return [job.id for job in ended]
