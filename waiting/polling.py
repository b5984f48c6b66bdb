"""What the vendors say of open jobs, kept in the registry. A fault of the question never fails a job.

`look` asks for one job; `sweep` for all open hosted ones, a provider at a time, each at most once in
`poll_seconds` however many processes sweep, and later where the vendor asks to be left alone.
"""

import logging
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby

import providers
from errors import LuthierError, NotFound, TrainingFailed, Unavailable
from providers import OWN_HARDWARE, Provider, is_hosted
from records import ENDED, Job, Progress, now
from registry import Registry
from settings import Settings

log = logging.getLogger("luthier.waiting")


class Polling:
    """Providers are made once and kept. Threads may share it."""

    def __init__(self, registry: Registry, settings: Settings):
        self.registry, self.settings = registry, settings
        self._made: dict[str, Provider] = {}

    def provider(self, name: str) -> Provider:
        """Raises NotConfigured."""
        if name not in self._made:
            self._made[name] = providers.get(name, **self.settings.provider_arguments(name))
        return self._made[name]

    def deadline(self) -> datetime:
        """Until when a job that is submitted now may take."""
        return now() + timedelta(hours=self.settings.hosted_hours)

    def look(self, job: Job) -> Job:
        """The job after one question, or as it was where that fails in passing.

        Raises NotConfigured, Refused.
        """
        if job.status in ENDED:
            return job
        try:
            seen = {job.id: self.provider(job.provider).poll(job.remote_id or "")}
        except Unavailable as error:
            log.warning(
                "Could not ask for the state of %s, asking again: %s",
                job.id,
                error.message,
                extra={"job": job.id},
            )
            seen = {}
        return self._noted([job], seen)[0]

    def notice_ends(self) -> None:
        """Note how trainings on this machine ended whose command was killed before it could tell."""
        for job in self.registry.jobs("in_progress"):
            if job.provider == OWN_HARDWARE and job.waits:
                # one on another machine is left to that
                with suppress(NotFound):
                    self.look(job)

    def sweep(self, at_rate: Callable[[str], None] = lambda name: None) -> list[Job]:
        """Ask for all open hosted jobs whose provider's turn it is; returns those that wait no more.

        `at_rate` is given each provider's name before it is asked, and may keep it waiting.
        """
        waiting = [job for job in self.registry.unfinished_jobs() if job.remote_id and job.waits]
        hosted = sorted((job for job in waiting if is_hosted(job.provider)), key=lambda job: job.provider)
        done: list[Job] = []
        for name, jobs in groupby(hosted, lambda job: job.provider):
            if self.registry.take_turn(name, timedelta(seconds=self.settings.poll_seconds)):
                at_rate(name)
                done += [job for job in self._swept(name, list(jobs)) if not job.waits]
        return done

    def _swept(self, name: str, jobs: list[Job]) -> list[Job]:
        # by chance, as a provider may not come to all that it has to ask for singly
        random.shuffle(jobs)
        labels = {job.remote_id: job.id for job in jobs}
        try:
            told = self.provider(name).poll_all([job.remote_id or "" for job in jobs])
        except Unavailable as error:
            log.warning("Could not ask %s for %d jobs, asking again: %s", name, len(jobs), error.message)
            self.registry.put_off(name, now() + timedelta(seconds=error.retry_after or 0))
            return self._noted(jobs, {})
        except LuthierError as error:
            # the vendor's jobs go on; who looks at one of them learns what keeps us from seeing it
            log.error("Can't ask %s for %d jobs: %s", name, len(jobs), error)
            return self._noted(jobs, {job.id: _unseen(job, error) for job in jobs})
        return self._noted(jobs, {labels[remote_id]: progress for remote_id, progress in told.items()})

    def _noted(self, jobs: Iterable[Job], seen: Mapping[str, Progress]) -> list[Job]:
        before = list(jobs)
        for job in before:
            _tell_unknown(job, seen.get(job.id))
        after = self.registry.note_progress(seen, queue_deadline=self.deadline()) if seen else {}
        return [self._given_up(after.get(job.id, job)) for job in before]

    def _given_up(self, job: Job) -> Job:
        """Past its deadline a job is stopped at its vendor and has failed."""
        if job.deadline is None or job.deadline > now() or not job.waits or not is_hosted(job.provider):
            return job
        try:
            self.provider(job.provider).cancel(job.remote_id or "")
            stopped = "It was stopped there."
        except Unavailable as error:
            log.warning(
                "Could not stop %s, which is past its deadline: %s",
                job.id,
                error.message,
                extra={"job": job.id},
            )
            return job
        except LuthierError as error:
            stopped = f"It could not be stopped there: {error.message}"
        last = f"The last that was heard of it: {job.progress.message}" if job.progress else ""
        failure = TrainingFailed(
            f"The job has not ended at its provider by {job.deadline:%Y-%m-%d %H:%M} UTC. {stopped} {last}",
            f"`luthier jobs retry {job.id}` starts it anew; LUTHIER_HOSTED_HOURS gives jobs more time.",
        ).failure
        return self.registry.update_job(job.id, status="failed", failure=failure)


def _unseen(job: Job, error: LuthierError) -> Progress:
    known = job.progress or Progress(status=job.status)
    return known.but(message=f"Its state can't be asked for now: {error}")


def _tell_unknown(job: Job, progress: Progress | None) -> None:
    """Once for each state, whichever process saw it first."""
    known = job.progress.unknown if job.progress else None
    if progress and progress.unknown and progress.unknown != known:
        log.warning("%s %s Waiting on.", job.id, progress.message, extra={"job": job.id})
