"""Carries out the runs of the registry, each in a process of its own, and takes up what a restart left.

Of the servers that share a LUTHIER_HOME one works at a time, whichever holds the lock in it; it looks every
second and whenever it is told to. Servers of several homes may share a registry: a run is claimed before it
is started, and stays with its place as long as that says it lives. All a runner knows is in the registry, so
it can be killed at any moment.

A hosted job needs a process to be submitted and one to be published. While its vendor has it there is none,
and a thread asks for all of them.
"""

import contextlib
import fcntl
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import IO

import launch
import processes
from errors import LuthierError
from launch.recorded import command, run_log
from providers import is_hosted
from records import ENDED, Job, now
from registry import Registry
from registry.holding import held_elsewhere
from registry.runs import Run
from settings import Settings
from waiting.ending import end_runs
from waiting.polling import Polling
from web.following import Following

log = logging.getLogger("luthier.runner")

LOOK_SECONDS = 1.0
GRACE_SECONDS = 5.0
# how many processes of a lane there are at once: own hardware trains one model at a time
LANES = {"gpu": 1, "prepare": 2, "submit": 8, "publish": 2}
# trained at their vendors, runs are measured and published by one process one after the other: it takes many
# times as long to start as a run takes in it
PUBLISHED_TOGETHER = 100
PURGE_AFTER = timedelta(minutes=10)
HOUSEKEEPING_SECONDS = 60.0
# a place that has not been heard of for so long is gone, and another takes over its runs
HOLD = timedelta(minutes=5)

# has a process carry out runs, one after the other, its output in a log; returns the process id
Detach = Callable[[Sequence[str], Path], int]


class Runner:
    def __init__(self, settings: Settings, registry: Registry, detach: Detach = launch.detach_runs):
        self.settings, self.registry, self.detach = settings, registry, detach
        self._wake, self._ending = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: IO[bytes] | None = None
        self._kept_house = 0.0
        self.place = f"{socket.gethostname()}:{settings.root}"
        self._at_work: dict[str, Run] = {}
        self.polling = Polling(registry, settings)
        self._sweeping: threading.Thread | None = None
        self._swept = -settings.poll_seconds
        self._undeployed: set[str] = set()
        self.following = Following(settings, registry)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="luthier-runner", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking. What runs goes on, and the next server takes it up."""
        self._ending.set()
        self._wake.set()
        if self._thread:
            self._thread.join()
        if self._lock:
            self._lock.close()
            self._lock = None

    def look(self) -> None:
        """Don't wait for the next second."""
        self._wake.set()

    def _watch(self) -> None:
        while not self._ending.is_set():
            try:
                if self.leads():
                    self.tick()
            except LuthierError as error:
                # the registry may be back in a second
                log.warning("The runner could not work: %s", error)
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()

    def leads(self) -> bool:
        """Whether this is the one that works for its home, from now on until `close`."""
        if self._lock is None:
            self.settings.root.mkdir(parents=True, exist_ok=True)
            file = (self.settings.root / "runner.lock").open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                return False
            self._lock = file
        return True

    def tick(self) -> None:
        """Bring every unfinished run up to date, then start what there is room for."""
        processes: dict[str, set[int]] = {name: set() for name in LANES}
        ready: dict[str, list[Run]] = {name: [] for name in LANES}
        unfinished = self.registry.unfinished_runs()
        self._stop_cancelled({run.id for run, *_ in unfinished})
        self.following.ask_server([run.flow_run_id for run, *_ in unfinished if run.flow_run_id])
        for entry, job, _ in unfinished:
            if held_elsewhere(entry, self.place):
                continue
            run = self.following.followed(entry, job)
            if run.status in ENDED or run.elsewhere:
                continue
            if run.flow_run_id:
                # how many there are at once is for the server to say
                self._keep(run)
            elif run.pid:
                processes[lane(run, job)].add(run.pid)
                self._keep(run)
            elif not (job and job.waits and is_hosted(run.provider)):
                ready[lane(run, job)].append(run)
        for name, runs in ready.items():
            self._start_all(name, runs, LANES[name] - len(processes[name]))
        self._sweep([job for _, job, _ in unfinished if job])
        if time.monotonic() > self._kept_house + HOUSEKEEPING_SECONDS:
            self._kept_house = time.monotonic()
            self._undeployed.clear()
            self._purge()
            self.registry.forget_usage(now() - timedelta(days=2))
            self.registry.purge_conversations()

    def _start_all(self, name: str, runs: list[Run], room: int) -> None:
        for number, batch in enumerate(companies(runs, PUBLISHED_TOGETHER if name == "publish" else 1)):
            if self.settings.prefect_api_url:
                batch = [run for run in batch if not self._deploy(run)]
            if batch and number < room:
                self._start(batch)

    def _sweep(self, jobs: list[Job]) -> None:
        """Ask for the open hosted jobs, in a thread: a vendor that is slow to answer keeps nobody waiting."""
        busy = self._sweeping and self._sweeping.is_alive()
        if busy or time.monotonic() < self._swept + self.settings.poll_seconds:
            return
        if any(job.waits and job.remote_id and is_hosted(job.provider) for job in jobs):
            self._swept = time.monotonic()
            self._sweeping = threading.Thread(target=self._swept_once, name="luthier-polls", daemon=True)
            self._sweeping.start()

    def _swept_once(self) -> None:
        try:
            if self.polling.sweep():
                self.look()
        except LuthierError as error:
            log.warning("Could not ask for the hosted jobs: %s", error)

    def _keep(self, run: Run) -> None:
        """Say from time to time that this place still looks after the run."""
        self._at_work[run.id] = run
        if run.place != self.place or run.held_until is None or run.held_until < now() + HOLD / 2:
            self.registry.update_run(run.id, place=self.place, held_until=now() + HOLD)

    def _stop_cancelled(self, unfinished: set[str]) -> None:
        """A server on another machine can cancel a run, but not reach its process."""
        for run_id in self._at_work.keys() - unfinished:
            run = self._at_work.pop(run_id)
            if not run.flow_run_id and self.registry.run(run_id).status == "cancelled":
                self.stop(run)

    def _deploy(self, run: Run) -> bool:
        """Whether the Prefect server has a deployment for it, and runs it now."""
        flow, parameters = command(run, self.registry.job_of(run))
        name = f"{flow.replace('_', '-')}/{'hosted' if is_hosted(run.provider) else 'own-hardware'}"
        if name in self._undeployed:
            return False
        if self.registry.claim_run(run.id, self.place, HOLD) is None:
            return True
        # a deployed run waits without a process too
        parameters.pop("to_the_end", None)
        if made := launch.deploy(name, parameters, run.id):
            self.registry.update_run(run.id, flow_run_id=made, status="validating_files")
            return True
        self._undeployed.add(name)
        return False

    def _start(self, runs: Sequence[Run]) -> None:
        # counted before it is started: a start that is never noted must not repeat for ever
        claimed = [run for run in runs if self.registry.claim_run(run.id, self.place, HOLD)]
        if not claimed:
            return
        pid = self.detach([run.id for run in claimed], run_log(self.settings.root, claimed[0].id))
        born = processes.birth(pid)
        for run in claimed:
            log.info(
                "Started %s (%s on %s), process %s.",
                run.id,
                run.flow,
                run.base_model,
                pid,
                extra={"run": run.id},
            )
            run = self._assigned(run, pid, born)
            if run.status in ENDED:
                self.stop(run)

    def _assigned(self, run: Run, pid: int, born: str | None) -> Run:
        """The run with its process, unless that has told its end meanwhile."""
        status = "in_progress" if run.status == "in_progress" else "validating_files"
        return self.registry.update_run(run.id, pid=pid, pid_started=born, status=status)

    def stop(self, run: Run) -> None:
        """Stop the run's process, or ask its Prefect server to. Returns when the process is gone."""
        if run.flow_run_id:
            end_runs([run.flow_run_id])
            return
        end = time.monotonic() + GRACE_SECONDS
        asked = False
        while run.pid and processes.lives(run.pid, run.pid_started):
            if not asked or time.monotonic() > end:
                _signal(run.pid, signal.SIGKILL if asked else signal.SIGTERM)
                asked = True
            time.sleep(0.05)

    def _purge(self) -> None:
        """Deleted for longer than can be undone: the files go, unless another account has the model too."""
        for run in self.registry.runs(deleted=True):
            if run.deleted_at is None or run.deleted_at > now() - PURGE_AFTER:
                continue
            model = self.registry.model_of_job(run.job_id) if run.job_id else None
            if model and not self.registry.runs_of_job(model.job_id):
                self.registry.delete_model(model.id)
            self.registry.update_run(run.id, purged_at=now())


def companies(runs: list[Run], most: int) -> Iterator[list[Run]]:
    """The runs that a process gets. Where it ended before, they are fewer: one may have brought all down."""
    for starts, group in groupby(sorted(runs, key=lambda run: run.starts), lambda run: run.starts):
        alike, size = list(group), max(1, most // 10**starts)
        yield from (alike[start : start + size] for start in range(0, len(alike), size))


def lane(run: Run, job: Job | None) -> str:
    if run.flow == "prepare_dataset":
        return "prepare"
    if not is_hosted(run.provider):
        return "gpu"
    trained = job and job.progress and job.progress.status == "succeeded"
    return "publish" if trained else "submit"


def _signal(pid: int, number: signal.Signals) -> None:
    # the process leads a group of its own
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
