"""What has become of a run: by its process, its Prefect server, or its job at a vendor."""

import logging
import time
from datetime import timedelta
from pathlib import Path

import processes
from errors import TrainingFailed, Unavailable
from launch.recorded import run_log
from providers import is_hosted
from records import ENDED, Job, now
from registry import Registry
from registry.runs import Run, in_step
from settings import Settings
from waiting.ending import Ended, ends_of

log = logging.getLogger("luthier.runner")

STARTS = 3
# a process that lived this long died of something outside, a restarted machine for instance
LONG_SECONDS = 600.0
DEPLOYED_SECONDS = 3.0
# a crashed run of a Prefect server that has not gone on for so long does so no more
LOST = timedelta(minutes=6)


class Following:
    def __init__(self, settings: Settings, registry: Registry):
        self.settings, self.registry = settings, registry
        self._ends: dict[str, Ended] = {}
        self._asked_server = -DEPLOYED_SECONDS

    def ask_server(self, flow_run_ids: list[str]) -> None:
        """How it sees those runs, from time to time."""
        if flow_run_ids and time.monotonic() > self._asked_server + DEPLOYED_SECONDS:
            self._asked_server = time.monotonic()
            try:
                self._ends = ends_of(flow_run_ids)
            except Unavailable as error:
                log.warning("%s", error)

    def followed(self, run: Run, job: Job | None) -> Run:
        if run.elsewhere:
            return self._noted(run, in_step(run, job))
        if run.flow_run_id:
            return self._follow_deployed(run, job)
        if not run.pid:
            return self._follow_hosted(run, job)
        if processes.lives(run.pid, run.pid_started):
            return self._noted(run, in_step(run, job))
        # it may have told its end since the run was read
        run = self.registry.run(run.id)
        if run.status in ENDED:
            return self._named(run)
        # or that its vendor has the job now
        return self._died(run, job) if run.pid else run

    def _follow_hosted(self, run: Run, job: Job | None) -> Run:
        """No process works on it; where its job ended badly at its vendor, so has the run."""
        if job is None or run.status == "queued" or not is_hosted(run.provider):
            return run
        if job.status in ENDED:
            ended = run.but(status=job.status, failure=job.failure, finished_at=job.finished_at)
            return self._named(self._noted(run, ended))
        return self._noted(run, in_step(run, job))

    def _noted(self, before: Run, after: Run) -> Run:
        if after.status == before.status:
            return before
        return self.registry.update_run(
            before.id, status=after.status, failure=after.failure, finished_at=after.finished_at
        )

    def _follow_deployed(self, run: Run, job: Job | None) -> Run:
        end = self._ends.get(run.flow_run_id or "")
        if end is None or end.how is None:
            return self._noted(run, in_step(run, job))
        if end.how == "crashed" and end.at > now() - LOST and not (job and job.status in ENDED):
            # reap-jobs has it go on, or ends its job
            return self._noted(run, in_step(run, job))
        if end.how == "completed":
            return self._named(self.registry.update_run(run.id, status="succeeded"))
        if end.how == "cancelled":
            return self.registry.update_run(run.id, status="cancelled")
        failure = job.failure if job and job.failure else None
        if failure is None:
            failure = TrainingFailed(
                f"The run failed: {end.message}", "Prefect's page of it says more."
            ).failure
        return self.registry.update_run(run.id, status="failed", failure=failure)

    def _died(self, run: Run, job: Job | None) -> Run:
        """Its process is gone without a word: start it again, a few times."""
        if job and job.status == "succeeded" and self.registry.model_of_job(job.id):
            return self.registry.update_run(run.id, status="succeeded")
        starts = 0 if processes.age(run.pid_started) > LONG_SECONDS else run.starts
        if starts < STARTS:
            log.warning("The process of %s is gone; it is started again.", run.id, extra={"run": run.id})
            return self.registry.update_run(run.id, pid=None, pid_started=None, starts=starts)
        last = last_line(run_log(self.settings.root, run.id))
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


def last_line(path: Path) -> str:
    try:
        text = path.read_bytes()[-4000:].decode(errors="replace")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(text.splitlines()) if line.strip()), "")
