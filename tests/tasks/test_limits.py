"""The server's global limits."""

from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Running

from errors import NotConfigured
from records import Job, Recipe
from tasks.limits import at_rate, training_slot
from tests.carried_jobs import new_run

JOB = Job(id="job-1", name="One", provider="gpu", dataset_id="ds-1", recipe=Recipe())
pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def deployed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", new_run(Running()))
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "0199a1f0-0000-7000-8000-000000000000")


def test_a_deployed_training_holds_a_slot_until_it_ends(home: Path, deployed: None) -> None:
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name("gpu", 2)
        with training_slot(JOB):
            assert client.read_global_concurrency_limit_by_name("gpu").active_slots == 1
        with training_slot(JOB.but(provider="openai")):
            assert client.read_global_concurrency_limit_by_name("gpu").active_slots == 0


def test_a_limit_that_is_missing_is_told_with_what_makes_it(home: Path, deployed: None) -> None:
    with pytest.raises(NotConfigured, match="luthier deploy"):
        at_rate("gemini")


def test_at_a_terminal_there_are_no_limits(home: Path) -> None:
    at_rate("gemini")
    with training_slot(JOB):
        pass
