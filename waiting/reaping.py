"""Jobs that nobody works on any more, and what is to become of them.

A run that died goes on by itself, a few times. What a cancelled run leaves, or one that dies again and again,
is stopped where it trains.
"""

import logging
import time
from collections.abc import Mapping
from datetime import timedelta

from errors import LuthierError, NotFound, TrainingFailed
from providers import is_hosted
from records import ENDED, Failure, Job, Record, now
from registry.runs import Run
from waiting.ending import Crash, Ended, crash_silent, crashes, end_unattended, ends_of, go_on
from waiting.polling import Polling
from waiting.stopping import stop

log = logging.getLogger("luthier.waiting")

MOST_CRASHES = 3
# an older crash is history, a server's that Luthier was just deployed to for instance
RECENT = timedelta(days=1)
# a worker tells of a death once more when it has cleaned up, which would end a run that goes on already
SETTLING = timedelta(seconds=20)
# ten signs of life that didn't come
SILENCE = timedelta(minutes=5)
# between the moment when a worker takes a run and its begin there are seconds
STARTING = timedelta(minutes=15)
# so long a trainer is left to the reaper of the machine that it runs on
STRANGE = timedelta(minutes=2)


class Reaped(Record):
    """Ids: Prefect runs that go on, jobs that were cancelled or failed, and what could not be stopped yet."""

    went_on: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


class Reaping:
    def __init__(self, asking: Polling):
        self.asking, self.registry = asking, asking.registry

    def reap(self) -> Reaped:
        """Look at all. Doing it twice changes nothing more. Raises Unavailable without the Prefect server."""
        end_unattended()
        crash_silent(now() - SILENCE, now() - STARTING)
        hopeful = {crash.id for crash in self._hopeful()}
        unfinished = self.registry.unfinished_jobs()
        carriers = {job.id: self.registry.carriers(job.id) for job in unfinished}
        ends = ends_of(sorted({id for ids in carriers.values() for id in ids}))
        done: dict[str, list[str]] = {"cancelled": [], "failed": [], "kept": []}
        for job in unfinished:
            end = self._forsaken(job, carriers[job.id], ends)
            if end and hopeful.isdisjoint(carriers[job.id]):
                done[self._ended(job, end)].append(job.id)
        went_on = self._go_on() if hopeful else []
        return Reaped(went_on=tuple(went_on), **{name: tuple(ids) for name, ids in done.items()})

    def _hopeful(self) -> list[Crash]:
        """The crashed runs that may go on."""
        found = []
        for crash in crashes(now() - RECENT):
            jobs = self.registry.carried_jobs(crash.id)
            done = bool(jobs) and all(job.status in ENDED for job in jobs)
            if crash.times < MOST_CRASHES and not done:
                found.append(crash)
        return found

    def _go_on(self) -> list[str]:
        since = max((crash.at for crash in self._hopeful()), default=now() - SETTLING)
        time.sleep(max(0.0, (since + SETTLING - now()).total_seconds()))
        settled = [crash.id for crash in self._hopeful() if crash.at <= now() - SETTLING]
        for id in settled:
            log.warning("The process of the run %s died; it goes on where it stopped.", id)
            go_on(id)
        return settled

    def _forsaken(self, job: Job, carriers: list[str], ends: Mapping[str, Ended]) -> Ended | None:
        """How the run ended that worked on it last, unless somebody else does."""
        if not carriers or carriers[0] not in ends or any(_is_looked_after(run) for run in self._runs(job)):
            return None
        known = [ends[id] for id in carriers if id in ends]
        if any(end.how is None for end in known):
            return None
        return known[0] if known[0].how in ("cancelled", "crashed", "failed") else None

    def _runs(self, job: Job) -> list[Run]:
        return [run for run in self.registry.runs_of_job(job.id) if run.status not in ENDED]

    def _ended(self, job: Job, end: Ended) -> str:
        failure = None if end.how == "cancelled" else _lost(job, end)
        try:
            if end.how == "failed" and is_hosted(job.provider):
                # a person's Retry finds at the vendor what was paid for
                self.registry.update_job(job.id, status="failed", failure=failure)
            elif self._is_elsewhere(job) and end.at > now() - STRANGE:
                raise NotFound("It trains on another machine.", "Nothing to do: that machine is asked first.")
            else:
                stop(job, self.asking, failure)
        except LuthierError as error:
            log.warning("Could not stop %s, trying again: %s", job.id, error)
            return "kept"
        if not failure:
            self.registry.forget_parked(self.registry.carriers(job.id))
        log.info("%s (%s): its run was %s, and the job is ended.", job.id, job.name, end.how)
        return "failed" if failure else "cancelled"

    def _is_elsewhere(self, job: Job) -> bool:
        if is_hosted(job.provider) or (job.remote_id is None and not self.registry.submitted(job.id)):
            return False
        return self.asking.provider(job.provider).find(job.id) is None


def _is_looked_after(run: Run) -> bool:
    """By a program on some machine, or, while its vendor has it, by the server that let it go."""
    if run.flow_run_id or run.elsewhere:
        return False
    return bool(run.pid) or is_hosted(run.provider)


def _lost(job: Job, end: Ended) -> Failure:
    again = f"`luthier jobs retry {job.id}` goes on where it stopped."
    if end.how == "failed":
        return TrainingFailed(f"The run of the job failed: {end.message}", again).failure
    return TrainingFailed(
        f"The process of the job died: {end.message}",
        f"See whether its machine has enough memory and disk. {again}",
    ).failure
