"""When a job that looks ended gets a new attempt, which is paid for, and when it must not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from errors import Refused
from records import Job
from tasks.attempts import taken_up
from tests.carried_jobs import Place
from tests.hosted import openai
from tests.vendors.openai_vendor import OpenAIVendor

ONE = "/fine_tuning/jobs/[^/]+$"
JOBS = "/fine_tuning/jobs$"


@pytest.fixture
def vendor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIVendor]:
    with openai(monkeypatch) as made:
        yield made


@pytest.fixture
def place(vendor: OpenAIVendor, tmp_path: Path) -> Place:
    return Place(tmp_path / "data")


def ended(place: Place, job: Job) -> Job:
    while (job := place.asking.look(job)).waits:
        pass
    return job


def again(place: Place, job: Job) -> Job:
    return taken_up(job, place.asking.provider("openai"), place.registry)


def test_a_job_that_the_key_of_another_project_does_not_show_is_not_bought_a_second_time(
    place: Place, vendor: OpenAIVendor
) -> None:
    unknown = vendor.fault(
        "GET", ONE, times=-1, status=404, body={"error": {"message": "Could not find fine tune"}}
    )
    lost = ended(place, place.started(1))
    assert lost.status == "failed" and lost.failure and "another --seed" in lost.failure.hint
    with pytest.raises(Refused, match="goes on with it"):
        again(place, lost)
    unknown.times = 0
    found = again(place, lost)
    assert (found.id, found.attempt, found.status) == (lost.id, 1, "queued")
    assert ended(place, found).progress.status == "succeeded"  # type: ignore[union-attr]
    assert len(place.registry.jobs()) == 1


def test_data_that_breaks_the_vendors_policies_is_not_sent_again(place: Place, vendor: OpenAIVendor) -> None:
    error = {"code": "moderation", "message": "The data breaks our usage policies", "param": None}
    vendor.scripts.say(outcome="failed", error=error)
    judged = ended(place, place.started(1))
    with pytest.raises(Refused, match="The same data gives the same verdict"):
        again(place, judged)
    assert len(place.registry.jobs()) == 1


def test_a_fault_of_the_vendors_own_gets_a_new_attempt(place: Place, vendor: OpenAIVendor) -> None:
    vendor.scripts.say(outcome="failed", error={"code": "server_error", "message": "Oh", "param": None})
    broken = ended(place, place.started(1))
    assert again(place, broken).attempt == 2
