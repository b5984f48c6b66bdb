"""Starts flows: here and now, in a process of their own, or by a Prefect server's worker.

`recorded` carries out runs of the registry; `furnishing` gives a server what Luthier needs there.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from settings import quiet_dependencies, settings

ROOT = Path(__file__).parents[1]
CHECKING = {"prepare_dataset", "fine_tune"}  # flows that check data by Great Expectations


def run(flow: str, parameters: dict[str, Any]) -> Any:
    """Run flows/FLOW.py here and now and return its result.

    Uses the Prefect server that is configured, else an embedded one. Raises what the flow raised,
    NotConfigured where the disk is full or an embedded server can't be reached, and what `start_embedded`
    and `reaching` do.
    """
    from launch.embedded import start_embedded
    from launch.server import check_loopback, check_room, reaching

    check_room()
    address = settings().prefect_api_url
    quiet_dependencies(embedded=True)
    if not address:
        check_loopback()
        start_embedded(meanwhile=lambda: _import(flow))
    with reaching(address):
        # not by Prefect's loader: where an import fails, that goes on with half a flow and hides the reason
        return getattr(import_module(f"flows.{flow}"), flow)(**parameters)


def _import(flow: str) -> None:
    """The flow, and what its steps import late because it takes seconds."""
    import_module(f"flows.{flow}")
    if flow in CHECKING:
        import_module("great_expectations")


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
