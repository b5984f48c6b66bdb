"""Starts flows: the one part outside flows and tasks that knows Prefect's API.

`python -m launch FLOW PARAMETERS_AS_JSON [RUN]` runs one in a process of its own; with the id of a run it
tells the registry how that run goes and ends.
"""

import json
import logging
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from errors import LuthierError
from records import ENDED, Dataset, Failure, Job, TunedModel
from settings import quiet_dependencies, settings, work_for

ROOT = Path(__file__).parents[1]
# the deployment of each flow that prefect.yaml makes
DEPLOYMENT = "own-hardware"


def run(flow: str, parameters: dict[str, Any]) -> Any:
    """Run flows/FLOW.py here and now and return its result.

    Uses the Prefect server that is configured, else an ephemeral one. Raises what the flow raised.
    """
    quiet_dependencies(embedded=True)
    # not by Prefect's loader: where an import fails, that goes on with half a flow and hides the reason
    return getattr(import_module(f"flows.{flow}"), flow)(**parameters)


def detach(flow: str, parameters: dict[str, Any], log: Path, run_id: str = "") -> int:
    """Run a flow in a process that outlives this one, its output in `log`; returns the process id."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "launch", flow, json.dumps(parameters), *([run_id] if run_id else [])],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return process.pid


def started_at(pid: int) -> float | None:
    """When the process with this id started, in seconds since 1970; none if it has ended."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None


def run_recorded(flow: str, parameters: dict[str, Any], run_id: str) -> int:
    """Run a flow for a run of the registry, and tell how it ended; returns an exit code."""
    from registry import Registry

    work_for(run_id)
    registry = Registry(**settings().registry_arguments)
    known, mine = registry.run(run_id), started_at(os.getpid())
    if known.status in ENDED or (
        known.pid not in (None, os.getpid()) and started_at(known.pid) == known.pid_started
    ):
        return 0
    registry.update_run(run_id, pid=os.getpid(), pid_started=mine)
    show_steps()
    try:
        result = run(flow, parameters)
    except LuthierError as error:
        registry.update_run(run_id, status="failed", failure=error.failure)
        return error.exit_code
    except Exception as error:
        # the process's last handler: nobody else could tell the person what happened
        fault = f"Luthier failed at a point that nobody foresaw: {type(error).__name__}: {error}."
        hint = f"Retry; if it fails again, the log of {run_id} says where."
        registry.update_run(run_id, status="failed", failure=Failure(code="error", message=fault, hint=hint))
        raise
    registry.update_run(run_id, status="succeeded", **made(result))
    return 0


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
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("luthier").addHandler(handler)


class DeployedState(NamedTuple):
    """How a Prefect server sees a run. `ended` is its state's type in lower case, or none."""

    ended: str | None
    message: str


def deploy(flow: str, parameters: dict[str, Any], run_id: str) -> str | None:
    """Have a Prefect server's worker run the flow; its id there, none if no such deployment exists."""
    quiet_dependencies()
    from prefect.deployments import run_deployment
    from prefect.exceptions import ObjectNotFound

    name = f"{flow.replace('_', '-')}/{DEPLOYMENT}"
    environment = {"env": {"LUTHIER_RUN": run_id}}
    try:
        made = run_deployment(name, parameters=parameters, timeout=0, job_variables=environment)
    except ObjectNotFound:
        return None
    return str(made.id)  # type: ignore[union-attr]


def deployed_state(flow_run_id: str) -> DeployedState:
    quiet_dependencies()
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(flow_run_id)).state
    if state is None or not state.is_final():
        return DeployedState(None, "")
    return DeployedState(state.type.value.lower(), state.message or "")


def stop_deployed(flow_run_id: str) -> None:
    quiet_dependencies()
    from prefect.client.orchestration import get_client
    from prefect.states import Cancelling

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(flow_run_id), Cancelling())
