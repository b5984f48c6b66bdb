"""A failed run is retried through Prefect's API, by the worker of another machine."""

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.launch.conftest import Furnished
from tests.prefect_server import BIN, environment, worker

END_SECONDS = 180


def ended(api: str, run_id: str, than: str = "") -> dict[str, Any]:
    """The run once it has ended, in a state of another id than `than`."""
    give_up = time.monotonic() + END_SECONDS
    while time.monotonic() < give_up:
        run: dict[str, Any] = httpx.get(f"{api}/flow_runs/{run_id}").json()
        if (
            run["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
            and run["state_id"] != than
        ):
            return run
        time.sleep(0.2)
    raise AssertionError(f"the run is still {run['state']['name']}")


def steps(api: str, run_id: str, are: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """The state of each step, once the server has written them all down."""
    query = {"flow_runs": {"id": {"any_": [run_id]}}}
    give_up = time.monotonic() + 30
    found: dict[str, str] = {}
    while time.monotonic() < give_up:
        runs = httpx.post(f"{api}/task_runs/filter", json=query).json()
        found = {run["name"].rpartition("-")[0]: run["state"]["name"] for run in runs}
        if are(found):
            break
        time.sleep(0.2)
    return found


def start(api: str, name: str, parameters: dict[str, Any]) -> str:
    deployment = httpx.get(f"{api}/deployments/name/{name}").json()
    made = httpx.post(
        f"{api}/deployments/{deployment['id']}/create_flow_run",
        json={"parameters": parameters, "state": {"type": "SCHEDULED"}},
    )
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def test_another_machine_goes_on_at_the_step_that_failed(
    furnished: Furnished, parcels: Path, tiny_base: str, tmp_path: Path
) -> None:
    source, base = tmp_path / "parcels.csv", tmp_path / "base"
    shutil.copy(parcels, source)
    options = {"threads": 1, "checkpoint_seconds": 0}
    recipe = {"base_model": str(base), "epochs": 2, "learning_rate": 0.01, "rank": 4, "options": options}
    given = {"sources": [str(source)], "use_case": "Sort parcels into depots", "recipe": recipe}

    # the folder of the base model is still empty: validation, which counts tokens, fails
    base.mkdir()
    first = tmp_path / "first"
    with worker("own-hardware", first, furnished.api, **furnished.shared):
        run_id = start(furnished.api, "fine-tune/own-hardware", given)
        failed = ended(furnished.api, run_id)
    assert failed["state"]["type"] == "FAILED", failed["state"]
    assert "holds no model" in failed["state"]["message"]
    done = {"ingest", "clean", "structure and split", "open job"}
    before = steps(furnished.api, run_id, lambda found: found.get("validate") == "Failed")
    assert {name for name, state in before.items() if state == "Completed"} == done | {"take up job"}
    assert before["validate"] == "Failed" and "submit" not in before

    # the machine is gone, and so are the files that it read; the base model has come
    shutil.rmtree(first)
    source.unlink()
    shutil.copytree(tiny_base, base, dirs_exist_ok=True)
    second = tmp_path / "second"
    with worker("own-hardware", second, furnished.api, **furnished.shared):
        environ = environment(second, PREFECT_API_URL=furnished.api)
        subprocess.run(
            [str(BIN / "prefect"), "--no-prompt", "flow-run", "retry", run_id], env=environ, check=True
        )
        again = ended(furnished.api, run_id, failed["state_id"])
    assert again["state"]["type"] == "COMPLETED", again["state"]
    assert again["infrastructure_pid"] != failed["infrastructure_pid"]
    after = steps(furnished.api, run_id, lambda found: found.get("publish") == "Completed")
    assert {name for name, state in after.items() if state == "Cached"} == done
    ran = {"take up job", "validate", "submit", "wait", "evaluate", "publish"}
    assert {name for name, state in after.items() if state == "Completed"} == ran
