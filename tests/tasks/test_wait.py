"""What an interruption does to a job: Ctrl-C, a cancelled run, a machine that shuts down."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.wait import follow, interrupted
from tests.carried_jobs import Place, at_vendor
from tests.hosted import openai
from tests.vendors.openai_vendor import OpenAIVendor


@pytest.fixture
def vendor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIVendor]:
    with openai(monkeypatch, jobs_end=False) as made:
        yield made


@pytest.fixture
def place(vendor: OpenAIVendor, tmp_path: Path) -> Place:
    return Place(tmp_path / "data")


def test_at_a_terminal_the_jobs_are_stopped(place: Place, vendor: OpenAIVendor) -> None:
    jobs = [place.started(seed) for seed in (1, 2)]
    interrupted(jobs)
    assert [place.registry.job(job.id).status for job in jobs] == ["cancelled", "cancelled"]
    assert [at_vendor(vendor, job) for job in jobs] == ["cancelled", "cancelled"]


def test_a_job_that_its_vendor_does_not_stop_does_not_look_as_if_it_had_ended(
    place: Place, vendor: OpenAIVendor, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, stopped = place.started(1), place.started(2)
    vendor.fault("POST", f"/{stuck.remote_id}/cancel$", status=401, times=-1)
    interrupted([stuck, stopped])
    assert [place.registry.job(job.id).status for job in (stuck, stopped)] == ["in_progress", "cancelled"]
    assert f"luthier jobs cancel {stuck.id}" in caplog.text


def test_a_second_ctrl_c_does_not_leave_a_job_whose_end_nobody_was_told_of(
    place: Place, vendor: OpenAIVendor
) -> None:
    job, answers = place.started(1), threading.Event()
    polled = vendor.fault("GET", f"/{job.remote_id}$")
    asked = vendor.fault("POST", f"/{job.remote_id}/cancel$", held=answers)

    def press() -> None:
        for reached in (polled, asked):
            while reached.times:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
        answers.set()

    impatient = threading.Thread(target=press)
    impatient.start()
    with pytest.raises(KeyboardInterrupt):
        follow.fn(job)
    impatient.join()
    assert place.registry.job(job.id).status == "cancelled"
    assert at_vendor(vendor, job) == "cancelled"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("prefect_server")
def test_the_job_of_a_deployed_run_is_stopped_if_the_run_is_to_end_and_not_if_its_machine_shuts_down(
    place: Place, vendor: OpenAIVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.states import Cancelling, Running

    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "0199a1f0-0000-7000-8000-000000000000")
    for seed, state, status in ((1, Running(), "in_progress"), (2, Cancelling(), "cancelled")):
        job = place.started(seed)
        monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", place.carried(job, Running(), state))
        interrupted([job])
        assert place.registry.job(job.id).status == status
        assert (at_vendor(vendor, job) == "cancelled") == (status == "cancelled")
