"""Starts flows: the one module outside flows and tasks that knows Prefect's API.

`python -m launch FLOW PARAMETERS_AS_JSON` runs one in a process of its own.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from settings import quiet_dependencies

ROOT = Path(__file__).parent


def run(flow: str, parameters: dict[str, Any]) -> Any:
    """Run flows/FLOW.py here and now and return its result.

    Uses the Prefect server that is configured, else an ephemeral one. Raises what the flow raised.
    """
    quiet_dependencies(embedded=True)
    from prefect.flows import load_flow_from_entrypoint

    return load_flow_from_entrypoint(f"{ROOT / 'flows' / flow}.py:{flow}")(**parameters)


def detach(flow: str, parameters: dict[str, Any], log: Path) -> int:
    """Run a flow in a process that outlives this one, its output in `log`; returns the process id."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "launch", flow, json.dumps(parameters)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return process.pid


if __name__ == "__main__":
    run(sys.argv[1], json.loads(sys.argv[2]))
