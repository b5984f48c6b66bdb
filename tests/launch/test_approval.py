"""A deployed run waits for a person's answer without holding a process, and goes by what they say."""

import time
from pathlib import Path
from typing import Any

from registry import Registry
from tests.asking import CLIENT
from tests.launch.conftest import Furnished
from tests.launch.following import END_SECONDS, ended, started
from tests.prefect_server import worker


def waiting(api: str, run_id: str) -> dict[str, Any]:
    give_up = time.monotonic() + END_SECONDS
    while time.monotonic() < give_up:
        run: dict[str, Any] = CLIENT.get(f"{api}/flow_runs/{run_id}").json()
        if run["state"]["type"] in ("PAUSED", "FAILED", "CRASHED", "COMPLETED"):
            return run
        time.sleep(0.2)
    raise AssertionError(f"the run is still {run['state']['name']}")


def answer(api: str, run_id: str, **said: object) -> None:
    give_up = time.monotonic() + 30
    while True:
        resumed = CLIENT.post(f"{api}/flow_runs/{run_id}/resume", json={"run_input": said}).json()
        # Prefect suspends a run first and then keeps what its form looks like
        if resumed["status"] == "ACCEPT" or time.monotonic() > give_up:
            break
        time.sleep(0.2)
    assert resumed["status"] == "ACCEPT", resumed


def told(api: str, run_id: str) -> list[dict[str, Any]]:
    wanted = {"filter": {"event": {"name": ["luthier.approval.waiting"]}}, "limit": 50}
    give_up = time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < give_up:
        events = CLIENT.post(f"{api}/events/filter", json=wanted).json()["events"]
        found = [one for one in events if one["resource"]["prefect.resource.id"] == f"luthier.run.{run_id}"]
        time.sleep(0.2)
    return found


def test_a_run_waits_for_a_person_and_goes_by_the_answer(
    furnished: Furnished, parcels: Path, tiny_base: str, tmp_path: Path
) -> None:
    api = furnished.api
    recipe = {"base_model": tiny_base, "epochs": 1, "learning_rate": 0.01, "rank": 4, "seed": 5}
    given = {"sources": [str(parcels)], "use_case": "Sort parcels", "recipe": recipe, "approve": True}
    registry = Registry(furnished.shared["LUTHIER_DATABASE_URL"], tmp_path, furnished.shared["LUTHIER_STORE"])
    with worker("own-hardware", tmp_path / "worker", api, **furnished.shared):
        run_id = started(api, "fine-tune/own-hardware", given)
        run = waiting(api, run_id)
        assert run["state"]["name"] == "Suspended", run["state"]
        (event,) = told(api, run_id)
        assert "training examples wait for your approval" in event["payload"]["message"]
        assert event["payload"]["hint"] and event["payload"]["job"]
        answer(api, run_id, go_on=False, reason="too few")
        refused = ended(api, run_id)
        assert refused["state"]["type"] == "CANCELLED" and "Not approved" in refused["state"]["message"]
        job = registry.job(event["payload"]["job"])
        assert (job.status, job.remote_id) == ("cancelled", None)

        again = started(api, "fine-tune/own-hardware", given)
        assert waiting(api, again)["state"]["name"] == "Suspended"
        answer(api, again, go_on=True)
        done = ended(api, again)
    assert done["state"]["type"] == "COMPLETED", done["state"]
    assert registry.job(job.id).status == "succeeded"
    assert len(told(api, again)) == 1
