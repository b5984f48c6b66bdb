"""Have the parked runs go on whose jobs wait no more."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.wiring import open_registry
from waiting.parking import parked_runs, wake

log = logging.getLogger("luthier.wake")


@task(name="wake runs", cache_policy=NO_CACHE)
def wake_runs() -> int:
    """How many were woken: of all that are parked, whoever found that their job has ended, and when."""
    parked = parked_runs()
    jobs = open_registry().parked_jobs(parked)
    ready = [id for id in parked if id in jobs and not jobs[id].waits]
    woken = wake(ready, "The job has ended at its provider.")
    log.info("%d runs are parked, %d were woken.", len(parked), woken)
    return woken
