"""Carries out the runs of the registry, each in a process of its own, and takes up what a restart left.

Of the servers that share a LUTHIER_HOME one works at a time, whichever holds the lock in it; it looks every
second and whenever it is told to. Servers of several homes may share a registry: a run is claimed before it
is started, and stays with its place as long as that says it lives. All a runner knows is in the registry, so
it can be killed at any moment.
"""

import contextlib
import fcntl
import logging
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import launch
from errors import LuthierError, TrainingFailed
from records import ENDED, Job, Status, now
from registry import Registry
from registry.holding import held_elsewhere
from registry.runs import Run, in_step
from settings import Settings

log = logging.getLogger("luthier.runner")

LOOK_SECONDS = 1.0
GRACE_SECONDS = 5.0
STARTS = 3
# a process that lived this long died of something outside, a restarted machine for instance
LONG_SECONDS = 600.0
# how many runs of a lane go on at once: own hardware trains one model at a time
LANES = {"gpu": 1, "prepare": 2, "hosted": 8}
UNFINISHED: tuple[Status, ...] = ("queued", "validating_files", "in_progress")
PURGE_AFTER = timedelta(minutes=10)
HOUSEKEEPING_SECONDS = 60.0
# a place that has not been heard of for so long is gone, and another takes over its runs
HOLD = timedelta(minutes=5)

# starts a flow with its parameters, its log and the run's id in a process; returns the process id
Detach = Callable[[str, dict[str, Any], Path, str], int]


class Runner:
    def __init__(self, settings: Settings, registry: Registry, detach: Detach = launch.detach):
        self.settings, self.registry, self.detach = settings, registry, detach
        self._wake, self._ending = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: IO[bytes] | None = None
        self._kept_house = 0.0
        self.place = f"{socket.gethostname()}:{settings.root}"
        self._at_work: dict[str, Run] = {}

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
                if self._leads():
                    self.tick()
            except LuthierError as error:
                # the registry may be back in a second
                log.warning("The runner could not work: %s", error)
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()

    def _leads(self) -> bool:
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
        busy: Counter[str] = Counter()
        waiting: list[Run] = []
        unfinished = self.registry.runs(statuses=UNFINISHED)
        self._stop_cancelled({run.id for run in unfinished})
        for run in reversed(unfinished):
            if held_elsewhere(run, self.place):
                continue
            run = self._followed(run)
            if run.status in ENDED or run.elsewhere:
                continue
            if run.pid or run.flow_run_id:
                busy[lane(run)] += 1
                self._keep(run)
            else:
                waiting.append(run)
        for run in waiting:
            if busy[lane(run)] < LANES[lane(run)]:
                busy[lane(run)] += 1
                self._start(run)
        if time.monotonic() > self._kept_house + HOUSEKEEPING_SECONDS:
            self._kept_house = time.monotonic()
            self._purge()
            self.registry.forget_usage(now() - timedelta(days=2))
            self.registry.purge_conversations()

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

    def _followed(self, run: Run) -> Run:
        job = self.registry.job_of(run)
        if run.elsewhere:
            return self._noted(run, in_step(run, job))
        if run.flow_run_id:
            return self._follow_deployed(run, job)
        if not run.pid:
            return run
        if launch.started_at(run.pid) == run.pid_started:
            return self._noted(run, in_step(run, job))
        # it may have told its end since the run was read
        run = self.registry.run(run.id)
        if run.status in ENDED:
            return self._named(run)
        return self._died(run, job)

    def _noted(self, before: Run, after: Run) -> Run:
        if after.status == before.status:
            return before
        return self.registry.update_run(
            before.id, status=after.status, failure=after.failure, finished_at=after.finished_at
        )

    def _follow_deployed(self, run: Run, job: Job | None) -> Run:
        state = launch.deployed_state(run.flow_run_id or "")
        if state.ended is None:
            return self._noted(run, in_step(run, job))
        if state.ended == "completed":
            return self._named(self.registry.update_run(run.id, status="succeeded"))
        if state.ended == "cancelled":
            return self.registry.update_run(run.id, status="cancelled")
        failure = job.failure if job and job.failure else None
        if failure is None:
            failure = TrainingFailed(
                f"The run failed: {state.message}", "Prefect's page of it says more."
            ).failure
        return self.registry.update_run(run.id, status="failed", failure=failure)

    def _died(self, run: Run, job: Job | None) -> Run:
        """Its process is gone without a word: start it again, a few times."""
        if job and job.status == "succeeded" and self.registry.model_of_job(job.id):
            return self.registry.update_run(run.id, status="succeeded")
        lasted = time.time() - (run.pid_started or 0)
        starts = 0 if lasted > LONG_SECONDS else run.starts
        if starts < STARTS:
            log.warning("The process of %s is gone; it is started again.", run.id)
            return self.registry.update_run(run.id, pid=None, pid_started=None, starts=starts)
        last = last_line(self.log_of(run))
        failure = TrainingFailed(
            f"The process of the job ended {STARTS} times. {last and f'Its last line: {last}'}",
            "Retry once the machine has enough memory and disk.",
        ).failure
        return self.registry.update_run(run.id, status="failed", failure=failure)

    def _named(self, run: Run) -> Run:
        """A model that was made before, or renamed while it trained, takes the name that was asked for."""
        model = self.registry.model_of_job(run.job_id) if run.job_id and run.flow == "fine_tune" else None
        if model and run.parameters.get("name") and model.display_name != run.name:
            self.registry.rename_model(model.id, run.name)
        return run

    def _start(self, run: Run) -> None:
        # counted before it is started: a start that is never noted must not repeat for ever
        claimed = self.registry.claim_run(run.id, self.place, HOLD)
        if claimed is None:
            return
        flow, parameters = command(claimed, self.registry.job_of(claimed))
        if self.settings.prefect_api_url and (made := launch.deploy(flow, parameters, run.id)):
            self.registry.update_run(run.id, flow_run_id=made, status="validating_files")
            return
        pid = self.detach(flow, parameters, self.log_of(run), run.id)
        run = self.registry.update_run(
            run.id, pid=pid, pid_started=launch.started_at(pid), status="validating_files"
        )
        log.info("Started %s (%s on %s), process %s.", run.id, flow, run.base_model, pid)
        if run.status in ENDED:
            self.stop(run)

    def stop(self, run: Run) -> None:
        """Stop the run's process, or ask its Prefect server to. Returns when the process is gone."""
        if run.flow_run_id:
            launch.stop_deployed(run.flow_run_id)
            return
        end = time.monotonic() + GRACE_SECONDS
        asked = False
        while run.pid and run.pid_started and launch.started_at(run.pid) == run.pid_started:
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

    def log_of(self, run: Run) -> Path:
        return self.settings.root / "runs" / f"{run.id}.log"


def lane(run: Run) -> str:
    if run.flow == "prepare_dataset":
        return "prepare"
    return "gpu" if run.provider == "gpu" else "hosted"


def command(run: Run, job: Job | None) -> tuple[str, dict[str, Any]]:
    """The flow that brings the run on, and its parameters: a job that was submitted is not prepared again."""
    if run.flow == "fine_tune" and job and (job.remote_id or job.attempt > 1):
        return "finish_job", {"job_id": job.id}
    return run.flow, run.parameters


def last_line(path: Path) -> str:
    try:
        text = path.read_bytes()[-4000:].decode(errors="replace")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(text.splitlines()) if line.strip()), "")


def _signal(pid: int, number: signal.Signals) -> None:
    # the process leads a group of its own
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
