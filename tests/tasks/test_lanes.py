"""Works of a batch beside the other runs of a server."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Running

from records import Failure, Job, Recipe
from tasks import lanes
from tasks.lanes import Lanes
from tests.carried_jobs import new_run

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def full(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployed run, and another one that trains."""
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", new_run(Running()))
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "0199a1f0-0000-7000-8000-000000000000")
    monkeypatch.setattr(lanes, "SLOT_SECONDS", 0.1)
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name("gpu", 1)
        client.increment_concurrency_slots(["gpu"], 1, "concurrency").raise_for_status()
        yield


def slots(freed: int = 0) -> int:
    with get_client(sync_client=True) as client:
        if freed:
            client.release_concurrency_slots(["gpu"], freed, occupancy_seconds=1)
        return client.read_global_concurrency_limit_by_name("gpu").active_slots


def test_own_hardware_waits_for_its_slot_while_hosted_works_go_on(full: None) -> None:
    settled: list[str] = []
    hosted_done, held = threading.Event(), []

    def begin(provider: str) -> Job:
        held.append(slots())
        return Job(
            id=provider,
            name=provider,
            provider=provider,
            dataset_id="ds",
            recipe=Recipe(),
            status="succeeded",
        )

    def settle(provider: str, job: Job | None, failure: Failure | None, seconds: float) -> None:
        settled.append(provider)
        hosted_done.set()

    works = Lanes(["gpu", "openai"], str, begin, settle, 5)
    thread = threading.Thread(target=works.run)
    thread.start()
    assert hosted_done.wait(60)
    assert settled == ["openai"]
    slots(1)
    thread.join(60)
    assert settled == ["openai", "gpu"]
    assert held == [1, 1] and slots() == 0
