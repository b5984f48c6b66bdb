"""Runs that were cancelled or died: their jobs don't stay behind, on a real server with a real worker."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from records import Job
from tests.hosted_jobs import add_dataset, add_job
from tests.vendors.openai_vendor import OpenAIVendor
from tests.workplace import Workplace


@pytest.fixture
def endless(hosted: OpenAIVendor) -> Iterator[OpenAIVendor]:
    """Its jobs go on until the test sets `pace.seconds` to 0."""
    hosted.pace.seconds = None
    yield hosted
    hosted.pace.seconds = 0


def at_vendor(vendor: OpenAIVendor, job: Job) -> list[str]:
    """The states of the jobs that are there for ours."""
    jobs = vendor.state()["jobs"]
    return [one["status"] for one in jobs if one["metadata"]["luthier_job"] == job.id]


def new_job(place: Workplace, folder: Path, seed: int) -> Job:
    return add_job(place.registry, add_dataset(place.registry, folder, folder.name), seed)


def test_a_parked_run_is_cancelled_with_its_job_at_the_vendor(
    workplace: Workplace, endless: OpenAIVendor, tmp_path: Path
) -> None:
    clicked, typed = new_job(workplace, tmp_path, 1), new_job(workplace, tmp_path, 2)
    runs = [workplace.start("finish-job/hosted", {"job_id": job.id}) for job in (clicked, typed)]
    for run in runs:
        workplace.until(run, "WaitingForProvider")
    # what the button on Prefect's pages does
    workplace.set_state(runs[0], "CANCELLING")
    workplace.until(runs[0], "Cancelled")
    workplace.until_job(clicked, "cancelled")
    assert at_vendor(endless, clicked) == ["cancelled"]
    # what others wait for is left alone
    assert workplace.run(runs[1])["state"]["name"] == "WaitingForProvider"
    assert at_vendor(endless, typed) == ["validating_files"]

    workplace.command(str(Path(sys.executable).with_name("luthier")), "jobs", "cancel", typed.id)
    # at once: nothing is left to be reaped
    assert at_vendor(endless, typed) == ["cancelled"]
    assert workplace.registry.job(typed.id).status == "cancelled"
    assert workplace.run(runs[1])["state"]["name"] == "Cancelled"


def test_a_run_whose_process_is_killed_goes_on_and_buys_one_job(
    workplace: Workplace, endless: OpenAIVendor, tmp_path: Path
) -> None:
    job = new_job(workplace, tmp_path, 3)
    endless.fault("POST", "/fine_tuning/jobs$", delay=8)
    run = workplace.start("finish-job/hosted", {"job_id": job.id})
    workplace.until_true(lambda: workplace.registry.submitted(job.id), "the submission")
    os.killpg(workplace.process_of(run), signal.SIGKILL)
    parked = workplace.until(run, "WaitingForProvider", through=["Crashed"])
    assert parked["run_count"] == 2
    endless.pace.seconds = 0
    workplace.sweep()
    workplace.until(run, "Completed")
    assert at_vendor(endless, job) == ["succeeded"]
