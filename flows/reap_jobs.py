"""End what cancelled runs left behind, and have runs go on whose process died: see prefect.yaml for when."""

from prefect import flow

from tasks.reap import reap


@flow(name="reap-jobs")
def reap_jobs() -> int:
    """Look at all cancelled, crashed and failed runs whose job is still open; returns how many it dealt with.

    A cancelled run's job is stopped at its vendor, or its trainer; a run that died goes on where it stopped,
    twice at most. Never touches what another run or process works on.
    """
    done = reap()
    return len(done.went_on) + len(done.cancelled) + len(done.failed)
