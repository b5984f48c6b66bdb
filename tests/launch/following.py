"""Starts runs of deployments by Prefect's API and follows them there."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from tests.asking import CLIENT

T = TypeVar("T")
END_SECONDS = 240
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def start(api: str, name: str, parameters: dict[str, Any]) -> httpx.Response:
    deployment = CLIENT.get(f"{api}/deployments/name/{name}").json()
    asked = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    return CLIENT.post(f"{api}/deployments/{deployment['id']}/create_flow_run", json=asked)


def started(api: str, name: str, parameters: dict[str, Any]) -> str:
    made = start(api, name, parameters)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def ended(api: str, run_id: str, than: str = "") -> dict[str, Any]:
    """The run once it has ended, in a state of another id than `than`."""

    def look() -> dict[str, Any] | None:
        run: dict[str, Any] = CLIENT.get(f"{api}/flow_runs/{run_id}").json()
        return run if run["state"]["type"] in ENDED and run["state_id"] != than else None

    return eventually(look, END_SECONDS)


def steps(api: str, run_id: str, last: str) -> dict[str, str]:
    """The latest state of each step, once `last` is among them and all have ended.

    A server writes the states of steps down a little later than that of their run.
    """

    def look() -> dict[str, str] | None:
        latest = steps_so_far(api, run_id)
        if last not in latest or any(state["type"] not in ENDED for state in latest.values()):
            return None
        return {name: state["name"] for name, state in latest.items()}

    return eventually(look)


def steps_so_far(api: str, run_id: str) -> dict[str, dict[str, Any]]:
    """The latest state of each step that the server has written down."""
    query = {"flow_runs": {"id": {"any_": [run_id]}}}
    runs = CLIENT.post(f"{api}/task_runs/filter", json=query).json()
    runs.sort(key=lambda run: run["state"]["timestamp"])
    return {run["name"].rpartition("-")[0]: run["state"] for run in runs}


def eventually(look: Callable[[], T | None], seconds: float = 60) -> T:
    """What `look` finds, as soon as it finds something."""
    give_up = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < give_up, f"nothing within {seconds} seconds"
        time.sleep(0.2)
    return found
