"""Several workers come to the same job: one of them buys it, and none of them spoils it."""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from errors import NotConfigured, Refused, TrainingFailed, Unavailable
from providers.hosted import Doubtful
from providers.openai.provider import OpenAI
from providers.patience import Patience
from records import Job
from registry import Registry
from settings import settings
from tasks.submit import start, submit
from tests.carried_jobs import Place
from tests.hosted import openai
from tests.hosted_jobs import add_job
from tests.vendors.openai_vendor import OpenAIVendor
from waiting.stopping import stop

ORDERS = "/fine_tuning/jobs$"
FOR_EVER = 10**6


@pytest.fixture
def vendor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIVendor]:
    with openai(monkeypatch, jobs_end=False) as made:
        yield made


def test_who_comes_second_waits_for_the_upload_of_the_first(
    vendor: OpenAIVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes: the second one's failure would be the job's."""
    monkeypatch.setattr("tasks.submit.LOOK_SECONDS", 0.02)
    place, sent = Place(tmp_path / "data"), threading.Event()
    job = add_job(place.registry, place.dataset, 1)
    upload = vendor.fault("POST", "/files$", held=sent)
    made = []
    workers = [threading.Thread(target=lambda: made.append(start.fn(job))) for _ in range(2)]
    for worker in workers:
        worker.start()
        while upload.times:
            time.sleep(0.01)
    # both are at it: one sends, the other has looked into the ledger several times
    time.sleep(0.3)
    sent.set()
    for worker in workers:
        worker.join()
    assert [(one.status, one.remote_id) for one in made] == [("in_progress", next(iter(vendor.jobs)))] * 2
    assert (len(vendor.jobs), vendor.count("POST", "/files$")) == (1, 1)


def test_a_claim_that_could_not_be_given_back_does_not_keep_its_own_process_waiting(
    vendor: OpenAIVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> None:
        raise Unavailable("The registry is locked.")

    monkeypatch.setattr("tasks.submit.LOOK_SECONDS", 10**6)
    place = Place(tmp_path / "data")
    job = add_job(place.registry, place.dataset, 1)
    vendor.fault("POST", "/fine_tuning/jobs$", status=429)
    with monkeypatch.context() as broken, pytest.raises(Unavailable, match="locked"):
        broken.setattr(Registry, "release", locked)
        start.fn(job)
    place.registry.reopen_job(job.id)
    assert start.fn(job).remote_id == next(iter(vendor.jobs))


# an order whose answer was lost


@pytest.fixture
def place(vendor: OpenAIVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The vendor is looked at several times without a wait."""
    patience = Patience(sleep=lambda seconds: None)
    hurried = OpenAI(**settings().provider_arguments("openai"), patience=patience)
    monkeypatch.setattr("tasks.submit.provider_named", lambda name: hurried)
    return Place(tmp_path / "data")


def lost(place: Place, vendor: OpenAIVendor, job: Job) -> Doubtful:
    """What is said where the vendor started the job, its answer was cut, and its list lags."""
    vendor.list_lag = FOR_EVER
    vendor.fault("POST", ORDERS, cut=True, when="after")
    with pytest.raises(Doubtful) as raised:
        start.fn(job)
    place.registry.reopen_job(job.id)
    return raised.value


def listed(vendor: OpenAIVendor) -> str:
    """The vendor's list has caught up."""
    (job,) = vendor.jobs.values()
    job["unseen"] = 0
    return str(job["id"])


def test_a_job_whose_answer_was_lost_and_that_is_not_listed_yet_is_not_bought_again(
    vendor: OpenAIVendor, place: Place
) -> None:
    job = add_job(place.registry, place.dataset, 1)
    told = lost(place, vendor, job)
    assert "not known" in told.message and "Nothing is bought twice" in told.hint
    assert 0 < (told.retry_after or 0) <= 60
    # the same command again, `retry`, another host: all of them wait for the list
    for _ in range(3):
        with pytest.raises(Doubtful):
            start.fn(job)
        place.registry.reopen_job(job.id)
    assert vendor.count("POST", ORDERS) == 1
    bought = listed(vendor)
    assert start.fn(job).remote_id == bought
    assert (len(vendor.jobs), vendor.count("POST", ORDERS)) == (1, 1)


def test_a_job_that_the_vendor_never_lists_is_ordered_again_in_the_end(
    vendor: OpenAIVendor, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = add_job(place.registry, place.dataset, 1)
    vendor.fault("POST", ORDERS, status=503)
    for _ in range(2):
        with pytest.raises(Doubtful):
            start.fn(job)
        place.registry.reopen_job(job.id)
    assert not vendor.jobs
    monkeypatch.setattr("registry.submissions.DOUBT", timedelta(0))
    assert start.fn(job).remote_id == listed(vendor)


def test_a_refusal_leaves_no_doubt(vendor: OpenAIVendor, place: Place) -> None:
    job = add_job(place.registry, place.dataset, 1)
    vendor.fault("POST", ORDERS, status=403)
    with pytest.raises(Refused):
        start.fn(job)
    place.registry.reopen_job(job.id)
    assert start.fn(job).remote_id == listed(vendor)


def test_a_page_in_the_place_of_the_answer_leaves_a_doubt(vendor: OpenAIVendor, place: Place) -> None:
    job = add_job(place.registry, place.dataset, 1)
    vendor.list_lag = FOR_EVER
    page = {"status": 200, "body": b"<html></html>", "headers": {"Content-Type": "text/html"}}
    vendor.fault("POST", ORDERS, when="after", **page)
    with pytest.raises(NotConfigured):
        start.fn(job)
    place.registry.reopen_job(job.id)
    with pytest.raises(Doubtful):
        start.fn(job)
    assert vendor.count("POST", ORDERS) == 1


def test_a_process_that_was_killed_while_it_ordered_leaves_a_doubt(
    vendor: OpenAIVendor, place: Place
) -> None:
    job = add_job(place.registry, place.dataset, 1)
    _, token = place.registry.intend(job.id, "openai", job.id, hold=timedelta(seconds=-1))
    place.registry.order(job.id, token, hold=timedelta(seconds=-1))
    with pytest.raises(Doubtful):
        start.fn(job)
    assert vendor.count("POST", ORDERS) == 0


def test_in_a_batch_a_job_in_doubt_has_failed_in_passing(vendor: OpenAIVendor, place: Place) -> None:
    """Where the retries were not enough, `retry-failed` goes on with it."""
    job = add_job(place.registry, place.dataset, 1)
    vendor.fault("POST", ORDERS, status=503)
    with pytest.raises(Doubtful):
        start.fn(job)
    failed = place.registry.job(job.id)
    assert failed.failure
    assert (failed.status, failed.failure.code) == ("failed", "provider_error")


@pytest.mark.usefixtures("prefect_server")
def test_a_command_looks_for_a_job_in_doubt_until_it_is_listed(
    vendor: OpenAIVendor, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.submissions.DOUBT", timedelta(seconds=1))
    job = add_job(place.registry, place.dataset, 1)
    # longer than is looked for right away
    vendor.list_lag = 8
    vendor.fault("POST", ORDERS, cut=True, when="after")
    found = submit(job)
    assert (found.status, found.remote_id) == ("in_progress", listed(vendor))
    assert vendor.count("POST", ORDERS) == 1


def test_a_job_in_doubt_that_is_cancelled_is_not_ordered_again_and_may_have_to_be_cleaned_up(
    vendor: OpenAIVendor, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    job = add_job(place.registry, place.dataset, 1)
    lost(place, vendor, job)
    with caplog.at_level(logging.WARNING, "luthier"):
        assert stop(job, place.asking).status == "cancelled"
    assert "luthier jobs clean" in caplog.text
    with pytest.raises(TrainingFailed, match="cancelled"):
        start.fn(job)
    assert vendor.count("POST", ORDERS) == 1
