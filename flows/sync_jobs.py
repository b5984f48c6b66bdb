"""Ask for all open hosted jobs, and wake the runs whose job has ended: once a minute, see prefect.yaml."""

from prefect import flow

from tasks.poll_jobs import poll_jobs
from tasks.wake_runs import wake_runs


@flow(name="sync-jobs")
def sync_jobs() -> int:
    """Ask each hosted provider once for all its open jobs; the parked runs whose job has ended go on."""
    poll_jobs()
    return wake_runs()
