"""Starts flows: the one part outside flows and tasks that knows Prefect's API.

`python -m launch flow FLOW PARAMETERS_AS_JSON` runs one; `python -m launch runs RUN…` carries out runs of the
registry, one after the other, and tells it how they go and end.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from errors import LuthierError
from logs import about, on_stderr
from providers import OWN_HARDWARE
from records import ENDED, Dataset, Failure, Job, TunedModel, now
from settings import quiet_dependencies, settings, work_for

if TYPE_CHECKING:
    from registry.runs import Run

ROOT = Path(__file__).parents[1]
PAGE = 200


def run(flow: str, parameters: dict[str, Any]) -> Any:
    """Run flows/FLOW.py here and now and return its result.

    Uses the Prefect server that is configured, else an ephemeral one. Raises what the flow raised,
    NotConfigured where the disk is full or an ephemeral server can't be reached, and what `reaching` does.
    """
    from launch.server import check_loopback, check_room, reaching

    check_room()
    address = settings().prefect_api_url
    if not address:
        check_loopback()
    quiet_dependencies(embedded=True)
    with reaching(address):
        # not by Prefect's loader: where an import fails, that goes on with half a flow and hides the reason
        return getattr(import_module(f"flows.{flow}"), flow)(**parameters)


def detach(log: Path, *arguments: str, module: str = "launch") -> int:
    """`python -m launch ARGUMENT…` in a process that outlives this one, its output in `log`; its id."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return process.pid


def detach_flow(flow: str, parameters: dict[str, Any], log: Path) -> int:
    """Run a flow in a process of its own."""
    return detach(log, "flow", flow, json.dumps(parameters))


def detach_runs(run_ids: Sequence[str], log: Path) -> int:
    """Carry out those runs of the registry in a process of their own, one after the other."""
    return detach(log, "runs", *run_ids)


def detach_runner(home: Path) -> int:
    """Have the registry's runs carried out without a server, as long as there are any."""
    return detach(home / "runs" / "unattended.log", module="web.unattended")


def started_at(pid: int) -> float | None:
    """When the process with this id started, in seconds since 1970; none if it has ended."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None


def work_off(run_ids: Sequence[str]) -> int:
    """Carry out runs of the registry one after the other, each with its own log; returns an exit code."""
    code = 0
    show_steps()
    for run_id in run_ids:
        with run_log(settings().root, run_id).open("ab", buffering=0) as log:
            for stream in (1, 2):
                os.dup2(log.fileno(), stream)
        code = run_recorded(run_id)
    return code


def run_recorded(run_id: str) -> int:
    """Carry out a run of the registry, and tell how it ended; returns an exit code."""
    from registry import Registry

    work_for(run_id)
    about(run=run_id, job="")
    registry = Registry(**settings().registry_arguments)
    known, mine = registry.run(run_id), started_at(os.getpid())
    if known.status in ENDED or (
        known.pid not in (None, os.getpid()) and started_at(known.pid) == known.pid_started
    ):
        return 0
    registry.update_run(run_id, pid=os.getpid(), pid_started=mine)
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
    hosted = {"to_the_end": False} if run.provider != OWN_HARDWARE else {}
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
    handler = on_stderr(settings().log_format, "%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("luthier").addHandler(handler)


class DeployedState(NamedTuple):
    """How a Prefect server sees a run. `ended` is its state's type in lower case, or none; since when."""

    ended: str | None
    message: str
    since: datetime


def deploy(name: str, parameters: dict[str, Any], run_id: str) -> str | None:
    """Have a Prefect server's worker run that deployment; its id there, none if there is no such one."""
    quiet_dependencies()
    from prefect.deployments import run_deployment
    from prefect.exceptions import ObjectNotFound

    environment = {"env": {"LUTHIER_RUN": run_id}}
    try:
        made = run_deployment(name, parameters=parameters, timeout=0, job_variables=environment)
    except ObjectNotFound:
        return None
    return str(made.id)  # type: ignore[union-attr]


def deployed_states(flow_run_ids: Sequence[str]) -> dict[str, DeployedState]:
    """Of those runs that the Prefect server knows, a request for every two hundred. Raises Unavailable."""
    from launch.server import server

    if not flow_run_ids:
        return {}
    with server() as client:
        from prefect.client.schemas.filters import FlowRunFilter

        found = []
        for start in range(0, len(flow_run_ids), PAGE):
            wanted = {"id": {"any_": list(flow_run_ids[start : start + PAGE])}}
            found += client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(wanted), limit=PAGE)
    return {str(run.id): _seen(run.state) for run in found}


def _seen(state: Any) -> DeployedState:
    if state is None or not state.is_final():
        return DeployedState(None, "", now())
    return DeployedState(state.type.value.lower(), state.message or "", state.timestamp)
