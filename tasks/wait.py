"""Wait for the job's end: in this process, or parked without one where a worker can start the run again."""

import logging
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import TerminationSignal

from errors import LuthierError
from providers import OWN_HARDWARE, is_hosted
from records import Job
from tasks.artifacts import ProgressBar
from tasks.curve import show_training
from tasks.failures import ended_well
from tasks.limits import at_rate
from tasks.wiring import carry, open_registry, polling, provider_named
from waiting.parking import is_cancelled, is_deployed, park

log = logging.getLogger("luthier.wait")
POLL_SECONDS = {OWN_HARDWARE: 0.5}


def wait(job: Job) -> Job:
    """The job, its training ended well. Raises its failure otherwise.

    A hosted job of a deployed run is asked for once, and while it goes on the run is parked. Else this
    process stays and asks again and again.
    """
    if not is_hosted(job.provider) or not is_deployed():
        return follow(job)
    job = look(job)
    if job.waits:
        carry(job, parked=True)
        park(job.deadline or polling().deadline(), waiting_for(job))
    return job


def waiting_for(job: Job) -> str:
    said = job.progress.message if job.progress else "It has not been heard of yet."
    return f"{job.id} waits for its provider, {job.provider}: {said}"


@task(name="look", cache_policy=NO_CACHE)
def look(job: Job) -> Job:
    """Ask for the job once. A fault that passes changes nothing."""
    at_rate(job.provider)
    job = polling().look(open_registry().job(job.id))
    if not job.waits:
        show_training(job)
    return ended_well(job)


@task(name="wait", cache_policy=NO_CACHE)
def follow(job: Job) -> Job:
    """The ended job. A poll that fails never fails the job; an interruption cancels it."""
    job = open_registry().job(job.id)
    with interrupted_once():
        try:
            job = followed(job)
            if job.status == "cancelled":
                # from another machine perhaps, which can't reach a trainer of this one
                is_stopped(job)
            return ended_well(job)
        except (KeyboardInterrupt, TerminationSignal):
            interrupted([job])
            raise


def interrupted(jobs: Iterable[Job]) -> None:
    """Stop the jobs at their providers: what was started must not run on unseen.

    A deployed run that was not cancelled lost no more than its machine: it goes on elsewhere, and so do they.
    """
    if is_deployed() and not is_cancelled():
        return
    for job in jobs:
        log.warning("Stopping %s (%s).", job.id, job.name, extra={"job": job.id})
        # else it must not look as if it had ended
        if is_stopped(job):
            open_registry().update_job(job.id, status="cancelled")


@contextmanager
def interrupted_once() -> Iterator[None]:
    """The first Ctrl-C interrupts; another one would leave a job whose end nobody was told of."""
    if threading.current_thread() is not threading.main_thread():
        # signals are handled in the main thread, and only it may say how
        yield
        return

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, lambda *_: log.warning("It is being stopped already."))
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def is_stopped(job: Job) -> bool:
    try:
        provider_named(job.provider).cancel(job.remote_id or "")
    except LuthierError as error:
        again = f"`luthier jobs cancel {job.id}` tries again."
        log.error("%s could not be stopped: %s %s", job.id, error.message, again, extra={"job": job.id})
        return False
    return True


def followed(job: Job) -> Job:
    """Ask until the end, showing each change."""
    asking = polling()
    bar = ProgressBar(f"progress-{job.id}", f"Training {job.name}")
    pause = POLL_SECONDS.get(job.provider, asking.settings.poll_seconds)
    told = None
    while job.waits:
        job = asking.look(job)
        progress = job.progress
        if progress and progress != told:
            told = progress
            log.debug("%s", progress.message, extra={"progress": progress})
            bar.update(100 * progress.step / progress.steps if progress.steps else 0)
        if job.waits:
            time.sleep(pause)
    if job.progress:
        log.info("Training ended: %s", job.progress.message)
    show_training(job)
    return job
