"""Runs of the registry, carried out in this process; the registry is told how they go and end."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import processes
from errors import LuthierError
from launch import run
from logs import about, on_stderr
from providers import is_hosted
from records import ENDED, Dataset, Failure, Job, TunedModel
from settings import settings, work_for

if TYPE_CHECKING:
    from registry.runs import Run


def work_off(run_ids: Sequence[str]) -> int:
    """Carry out runs of the registry one after the other, each with its own log; returns an exit code."""
    code = 0
    show_steps()
    for run_id in run_ids:
        with run_log(settings().root, run_id).open("ab", buffering=0) as log:
            for stream in (1, 2):
                os.dup2(log.fileno(), stream)
        code = carry_out(run_id)
    return code


def carry_out(run_id: str) -> int:
    """Carry out a run of the registry, and tell how it ended; returns an exit code."""
    from registry import Registry

    work_for(run_id)
    about(run=run_id, job="")
    registry = Registry(**settings().registry_arguments)
    known = registry.run(run_id)
    if known.status in ENDED or (
        known.pid not in (None, os.getpid()) and processes.lives(known.pid, known.pid_started)
    ):
        return 0
    registry.update_run(run_id, pid=os.getpid(), pid_started=processes.birth(os.getpid()))
    try:
        result = run(*command(known, registry.job_of(known)))
    except LuthierError as error:
        registry.update_run(run_id, status="failed", failure=error.failure)
        return error.exit_code
    except Exception as error:
        # the process's last handler: nobody else could tell the person what happened
        fault = f"Luthier failed at a point that nobody foresaw: {type(error).__name__}: {error}."
        hint = f"Retry; if it fails again, the log of {run_id} says where."
        registry.update_run(run_id, status="failed", failure=Failure(code="error", message=fault, hint=hint))
        raise
    if isinstance(result, Job) and result.status not in ENDED:
        # its vendor has it now; no process is needed before that has ended it
        nobody = {"pid": None, "pid_started": None, "place": None, "starts": 0}
        registry.update_run(run_id, status=result.status, **nobody, **made(result))
    else:
        registry.update_run(run_id, status="succeeded", **made(result))
    return 0


def command(run: "Run", job: Job | None) -> tuple[str, dict[str, Any]]:
    """The flow that brings the run on, and its parameters: a job that was submitted is not prepared again.

    Only own hardware is waited for: a hosted job is let go as soon as its vendor has it.
    """
    hosted = {"to_the_end": False} if is_hosted(run.provider) else {}
    if run.flow == "fine_tune" and job and (job.remote_id or job.resume_at or job.attempt > 1):
        return "finish_job", {"job_id": job.id, **hosted}
    return run.flow, {**run.parameters, **(hosted if run.flow == "fine_tune" else {})}


def run_log(root: Path, run_id: str) -> Path:
    return root / "runs" / f"{run_id}.log"


def made(result: Any) -> dict[str, str]:
    """What a flow's result says about the run that it was."""
    match result:
        case TunedModel():
            return {"job_id": result.job_id, "dataset_id": result.dataset_id}
        case Job():
            return {"job_id": result.id, "dataset_id": result.dataset_id}
        case Dataset():
            return {"dataset_id": result.id}
        case _:
            return {}


def show_steps() -> None:
    """What the steps say goes to the process's log."""
    if run_id := settings().run:
        about(run=run_id)
    steps = logging.getLogger("luthier")
    steps.addHandler(on_stderr(settings().log_format, "%(asctime)s %(levelname)s %(message)s"))
    # Prefect gives the root logger a console of its own, which would say each line once more
    steps.propagate = False
