"""Runs that wait for a hosted job, on a real server with a real worker."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from records import Job, now
from registry import Registry
from tests.hosted_jobs import add_dataset, add_job
from tests.vendors.openai_vendor import OpenAIVendor
from tests.workplace import Workplace

DAILY_LIMIT = {
    "error": {
        "message": "No more jobs today",
        "type": "invalid_request_error",
        "code": "daily_rate_limit_exceeded",
    }
}


@pytest.fixture
def registry(workplace: Workplace) -> Registry:
    return workplace.registry


@pytest.fixture
def endless(hosted: OpenAIVendor) -> Iterator[OpenAIVendor]:
    """Its jobs go on until the test sets `pace.seconds` to 0."""
    hosted.pace.seconds = None
    yield hosted
    hosted.pace.seconds = 0


def jobs(registry: Registry, folder: Path, *seeds: int) -> list[Job]:
    dataset = add_dataset(registry, folder)
    return [add_job(registry, dataset, seed) for seed in seeds]


def paid_for(vendor: OpenAIVendor, job: Job) -> int:
    """So many jobs are there at the vendor for ours."""
    return sum(one["metadata"]["luthier_job"] == job.id for one in vendor.state()["jobs"])


def test_runs_wait_without_a_process_through_a_restart_and_finish(
    workplace: Workplace, endless: OpenAIVendor, registry: Registry, tmp_path: Path
) -> None:
    """One for its job, one until the vendor takes new jobs again."""
    training, refused = jobs(registry, tmp_path, 1, 2)
    runs = [workplace.start("finish-job/hosted", {"job_id": training.id})]
    parked = workplace.until(runs[0], "WaitingForProvider")
    assert "OpenAI checks the files" in parked["state"]["message"]
    endless.fault("POST", "/fine_tuning/jobs$", status=429, body=DAILY_LIMIT)
    runs.append(workplace.start("finish-job/hosted", {"job_id": refused.id}))
    parked = workplace.until(runs[1], "WaitingForProvider")
    assert "No more jobs today" in parked["state"]["message"]
    assert registry.job(refused.id).waits
    assert [registry.carriers(job.id) for job in (training, refused)] == [[run] for run in runs]
    workplace.until_idle()

    workplace.stop_server()
    workplace.start_server()
    registry.update_job(refused.id, resume_at=now() - timedelta(seconds=1))
    endless.pace.seconds = 0
    workplace.sweep()
    for run, job in zip(runs, (training, refused), strict=True):
        workplace.until(run, "Completed")
        assert registry.job(job.id).status == "succeeded"
        assert registry.model_of_job(job.id)
        assert paid_for(endless, job) == 1
