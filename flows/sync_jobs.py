"""Look after all open jobs in one process: once a minute, see prefect.yaml."""

from prefect import flow

from tasks.poll_jobs import poll_jobs
from tasks.reap import reap
from tasks.wake_runs import wake_runs


@flow(name="sync-jobs")
def sync_jobs() -> int:
    """Ask each hosted provider once for all its open jobs; returns how many parked runs were woken.

    Then what nobody works on any more is dealt with as `reap-jobs` does, which two schedules would bring to
    two processes at once.
    """
    poll_jobs()
    woken = wake_runs()
    reap()
    return woken
