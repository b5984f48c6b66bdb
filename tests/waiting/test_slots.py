"""Slots of a limit that a restarted server still counts, though nobody holds them."""

from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Running

from tests.carried_jobs import new_run
from waiting import slots
from waiting.slots import Unclaimed, claim

pytestmark = pytest.mark.usefixtures("prefect_server")


def taken() -> int:
    with get_client(sync_client=True) as client:
        return client.read_global_concurrency_limit_by_name("gpu").active_slots


def test_only_slots_that_no_run_claims_for_long_are_given_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name("gpu", 3)
        client.increment_concurrency_slots(["gpu"], 2, "concurrency").raise_for_status()
    training, waiting = new_run(Running()), new_run(Running())
    claim("gpu", training)
    claim("", waiting)
    now = 1_000.0
    monkeypatch.setattr(slots, "monotonic", lambda: now)
    unclaimed = Unclaimed("gpu")
    assert (unclaimed.give_back(), taken()) == (0, 2), "it may have been taken this moment"
    now += slots.LENT_SECONDS - 1
    assert (unclaimed.give_back(), taken()) == (0, 2), "its lease may not have run out"
    now += 1
    assert (unclaimed.give_back(), taken()) == (1, 1)
    assert (unclaimed.give_back(), taken()) == (0, 1), "the training's is left alone"
    claim("", training)
    assert (unclaimed.give_back(), taken()) == (0, 1), "the wait begins anew"
    now += slots.LENT_SECONDS
    assert (unclaimed.give_back(), taken()) == (1, 0)
