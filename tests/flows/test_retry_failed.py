"""Failed jobs are tried again by class and bound; what needs a person is left, and nothing is paid twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import launch
from batch.chores import Retry
from errors import LuthierError, TrainingFailed
from records import Failure, Job, Recipe, now
from tasks.choose_retries import choice, work_of
from tasks.wiring import open_registry
from tests.hosted import HOSTED, gemini, openai
from tests.vendors.openai_vendor import OpenAIVendor

PASSING = Failure(code="training_failed", message="The process was killed.", hint="", transient=True)


@pytest.fixture
def vendor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIVendor]:
    with openai(monkeypatch) as made:
        yield made


def job(failure: Failure | None, minutes_ago: float = 60) -> Job:
    recipe = Recipe(base_model=HOSTED)
    moment = now() - timedelta(minutes=minutes_ago)
    return Job(
        id=Job.id_for("d", recipe, 1), name="Router", status="failed", provider="openai", dataset_id="d",
        recipe=recipe, failure=failure, finished_at=moment, updated_at=moment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("failure", "what"),
    [
        (PASSING, "retried"),
        (Failure(code="provider_error", message="503", hint=""), "retried"),
        (Failure(code="training_failed", message="The file was refused.", hint="Mend it."), "left"),
        (Failure(code="provider_refused", message="No credit.", hint="Pay."), "left"),
        (Failure(code="not_configured", message="No key.", hint="Set it."), "left"),
        (Failure(code="not_enough_data", message="Too few.", hint=""), "left"),
        (Failure(code="invalid_data_format", message="No answer.", hint=""), "left"),
        (None, "left"),
    ],
)  # fmt: skip
def test_only_what_may_pass_by_itself_is_tried_again(home: Path, failure: Failure | None, what: str) -> None:
    chosen = choice(job(failure), open_registry(), most=3, first_wait_minutes=15)
    assert chosen.what == what
    if what == "left" and failure:
        assert failure.message in chosen.reason and "needs a person" in chosen.reason


def test_each_try_waits_twice_as_long_and_the_last_one_is_the_last(home: Path) -> None:
    registry = open_registry()
    soon = choice(job(PASSING, minutes_ago=14), registry, 3, 15)
    assert soon.what == "left" and "not its turn" in soon.reason
    assert choice(job(PASSING, minutes_ago=16), registry, 3, 15).what == "retried"
    failed = job(PASSING, minutes_ago=0)
    registry.count_try(work_of(failed))
    later = failed.but(finished_at=now() + timedelta(minutes=1))
    assert "not its turn" in choice(later, registry, 3, 15).reason
    for _ in range(2):
        registry.count_try(work_of(failed))
    done = choice(later, registry, 3, 0)
    assert done.what == "left" and "3 times already" in done.reason


@pytest.mark.usefixtures("prefect_server")
def test_a_finished_hosted_job_is_found_and_not_bought_again(
    vendor: OpenAIVendor, parcels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {
        "sources": [str(parcels)],
        "use_case": "Sort parcels into depots",
        "recipe": Recipe(base_model=HOSTED, epochs=1),
        "to_the_end": False,
    }
    started = launch.run("fine_tune", parameters)
    assert isinstance(started, Job)
    registry = open_registry()
    registry.update_job(started.id, status="failed", failure=PASSING)
    waits = launch.run("retry_failed", {"first_wait_minutes": 60})
    assert [one.what for one in waits] == ["left"]

    [tried] = launch.run("retry_failed", {"first_wait_minutes": 0})
    assert isinstance(tried, Retry) and tried.what == "retried" and tried.model_id
    assert registry.job(started.id).status == "succeeded" and len(vendor.jobs) == 1
    assert launch.run("retry_failed", {"first_wait_minutes": 0}) == []


@pytest.mark.usefixtures("prefect_server")
def test_a_job_that_fails_again_and_again_is_left_at_its_bound(
    vendor: OpenAIVendor, parcels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise LuthierError("The disk is gone.")

    started = launch.run(
        "fine_tune",
        {
            "sources": [str(parcels)],
            "use_case": "Sort parcels into depots",
            "recipe": Recipe(base_model=HOSTED, epochs=1),
            "to_the_end": False,
        },
    )
    monkeypatch.setattr("flows.retry_failed.evaluate", breaks)
    registry = open_registry()
    registry.update_job(started.id, status="failed", failure=PASSING)
    for number in (1, 2):
        [tried] = launch.run("retry_failed", {"most": 2, "first_wait_minutes": 0})
        assert f"try {number} of 2" in tried.reason and tried.ended == "The disk is gone."
        registry.update_job(started.id, status="failed", failure=PASSING)
    [left] = launch.run("retry_failed", {"most": 2, "first_wait_minutes": 0})
    assert left.what == "left" and len(vendor.jobs) == 1


SERVER_ERROR = {"code": "server_error", "message": "Internal error.", "param": None}


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("base", "error"),
    [(HOSTED, SERVER_ERROR), ("gemini-3.5-flash", {"code": 14, "message": "Try again."})],
)
def test_a_job_that_failed_by_its_vendors_fault_gets_one_new_attempt_under_a_label_of_its_own(
    home: Path,
    parcels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    base: str,
    error: dict[str, object],
) -> None:
    with openai(monkeypatch) if base == HOSTED else gemini(monkeypatch, tmp_path) as made:
        made.scripts.say(outcome="failed", error=error)
        with pytest.raises(TrainingFailed, match=str(error["message"])) as raised:
            launch.run("fine_tune", {"sources": [str(parcels)], "use_case": "Sort", "recipe": tuned_on(base)})
        assert raised.value.transient
        [tried] = launch.run("retry_failed", {"first_wait_minutes": 0})
        assert tried.what == "retried" and tried.model_id
        assert launch.run("retry_failed", {"first_wait_minutes": 0}) == []
        labels = [str(one.get("metadata", one.get("labels"))["luthier_job"]) for one in made.jobs.values()]
    again, first = open_registry().jobs()
    assert labels == [first.id, again.id] and first.id != again.id
    assert (first.status, first.attempt, again.status, again.attempt) == ("failed", 1, "succeeded", 2)


@pytest.mark.usefixtures("prefect_server")
def test_a_job_that_was_cancelled_at_its_vendor_is_told_and_left_to_a_person(
    vendor: OpenAIVendor, parcels: Path
) -> None:
    vendor.scripts.say(states=["queued", "cancelled"])
    with pytest.raises(TrainingFailed, match="cancelled at its provider") as raised:
        launch.run("fine_tune", {"sources": [str(parcels)], "use_case": "Sort", "recipe": tuned_on(HOSTED)})
    assert "ask who did" in raised.value.hint
    assert [one.what for one in launch.run("retry_failed", {"first_wait_minutes": 0})] in ([], ["left"])
    assert len(vendor.jobs) == 1


def tuned_on(base: str) -> Recipe:
    return Recipe(base_model=base, epochs=1, options={"evaluate_on": 2})
