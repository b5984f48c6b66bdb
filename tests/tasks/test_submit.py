"""Several workers come to the same job: one of them buys it, and none of them spoils it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from errors import Unavailable
from registry import Registry
from tasks.submit import start
from tests.carried_jobs import Place
from tests.hosted import openai
from tests.hosted_jobs import add_job
from tests.vendors.openai_vendor import OpenAIVendor


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
