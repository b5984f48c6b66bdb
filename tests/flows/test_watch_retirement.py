"""Models whose base is shut down: by the vendor's own date, told once at each threshold, with a way out."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import launch
from batch.chores import threshold
from records import TunedModel, now
from settings import settings
from tasks.find_retiring import find_retiring
from tasks.wiring import open_registry
from tests.hosted import HOSTED, openai
from tests.vendors.openai_vendor import OpenAIVendor


@pytest.fixture
def vendor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIVendor]:
    with openai(monkeypatch, lives_on=False) as made:
        yield made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What leaves for Prefect's events."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr("tasks.telling.emit_event", lambda **event: sent.append(event))
    return sent


def add(model_id: str, base: str, provider: str, reference: str = "ft:x") -> TunedModel:
    return open_registry().add_model(
        TunedModel(
            id=model_id, display_name="Ticket router", description="d", provider=provider, base_model=base,
            reference=reference, job_id="job-1", dataset_id="dataset-1",
        )
    )  # fmt: skip


def day_in(days: int) -> date:
    return now().date() + timedelta(days=days)


@pytest.mark.usefixtures("prefect_server")
def test_each_threshold_is_told_once_with_the_successor_and_the_way_out(
    vendor: OpenAIVendor, told: list[dict[str, Any]]
) -> None:
    add("model-a", HOSTED, "openai")
    add("model-b", "smollm2-135m", "gpu")
    steps = []
    for days in (91, 90, 60, 30, 29, 7, 0, -1):
        vendor.shutdowns[HOSTED] = str(day_in(days))
        [found] = launch.run("watch_retirement", {})
        assert (found.model_id, found.days_left, found.source) == ("model-a", days, "vendor")
        steps.append(found.told)
    # the day itself moves here, so each is a notice of its own; 91 days is too early
    assert steps == [None, 90, 90, 30, 30, 7, 0, 0]
    [again] = launch.run("watch_retirement", {})
    assert again.told is None and len(told) == 7

    event = told[0]
    assert event["event"] == "luthier.model.retiring"
    assert event["resource"]["prefect.resource.id"] == "luthier.model.model-a"
    assert f"stops answering on {day_in(90)}, in 90 days" in event["payload"]["message"]
    assert "gpt-6-luna as the successor" in event["payload"]["hint"]
    assert "luthier train --dataset dataset-1 --base-model smollm2-135m" in event["payload"]["hint"]


def test_the_same_day_is_told_at_90_30_and_7_days(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [threshold(days) for days in (120, 90, 31, 30, 8, 7, 1, 0, -5)]
    assert told == [None, 90, 90, 30, 30, 7, 7, 0, 0]


def test_without_the_vendor_the_catalogue_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    settings.cache_clear()
    add("model-a", HOSTED, "openai")
    [found] = find_retiring.fn()
    assert (found.day, found.source) == (date(2027, 1, 14), "catalogue")


def test_a_day_of_the_tuned_model_itself_counts_where_it_is_nearer(vendor: OpenAIVendor) -> None:
    add("model-a", HOSTED, "openai", reference="gpt-4o-2024-08-06")
    vendor.shutdowns[HOSTED], vendor.shutdowns["gpt-4o-2024-08-06"] = str(day_in(50)), str(day_in(5))
    [found] = find_retiring.fn()
    assert found.days_left == 5
