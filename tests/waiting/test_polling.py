"""What a look at the vendor does to jobs in the registry: the real SDK against a loopback OpenAI."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from providers.patience import Patience
from records import Job, Recipe, now
from registry import Registry
from settings import Settings
from tests.hosted_jobs import add_dataset, add_job
from tests.vendors.life import Pace
from tests.vendors.openai_vendor import OpenAIVendor
from waiting.polling import Polling

HOUR = timedelta(hours=1)
NO_PATIENCE = Patience(attempts=1)


@pytest.fixture
def vendor() -> Iterator[OpenAIVendor]:
    with OpenAIVendor(checked=False, pace=Pace(polls=10**9)) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, vendor: OpenAIVendor) -> Settings:
    return Settings(
        home=tmp_path / "home",
        openai_api_key="sk-test",
        openai_base_url=f"{vendor.url}/v1",
        bases_file=Path(__file__).parents[1] / "vendors" / "bases.toml",
        poll_seconds=1e-6,
        _env_file=None,
    )


@pytest.fixture
def polling(settings: Settings) -> Polling:
    return Polling(Registry(**settings.registry_arguments), settings)


def submitted(polling: Polling, folder: Path, count: int) -> list[Job]:
    """Jobs as the step `submit` leaves them."""
    registry, openai = polling.registry, polling.provider("openai")
    dataset = add_dataset(registry, folder)
    jobs = [add_job(registry, dataset, seed) for seed in range(count)]
    return [
        registry.update_job(
            job.id,
            status="in_progress",
            remote_id=openai.start(dataset, job.recipe, job.id),
            deadline=polling.deadline(),
        )
        for job in jobs
    ]


def test_many_jobs_cost_few_requests_and_only_those_that_ended_wait_no_more(
    polling: Polling, vendor: OpenAIVendor, tmp_path: Path
) -> None:
    jobs = submitted(polling, tmp_path, 120)
    for remote_id in (jobs[3].remote_id, jobs[70].remote_id):
        vendor.jobs[remote_id]["life"].ended = "succeeded"
    vendor.log.clear()
    asked: list[str] = []
    assert {job.id for job in polling.sweep(asked.append)} == {jobs[3].id, jobs[70].id}
    assert len(vendor.log) == 2 and asked == ["openai"]
    ended = polling.registry.job(jobs[3].id)
    assert (ended.status, ended.waits) == ("in_progress", False), "its model is still to be published"
    assert polling.sweep() == []
    assert polling.registry.job(jobs[4].id).status == "validating_files"


def test_however_many_ask_a_provider_is_asked_once_in_its_time(
    polling: Polling, settings: Settings, vendor: OpenAIVendor, tmp_path: Path
) -> None:
    submitted(polling, tmp_path, 1)
    rare = settings.model_copy(update={"poll_seconds": 600.0})
    before = len(vendor.log)
    for _ in range(3):
        Polling(polling.registry, rare).sweep()
    assert len(vendor.log) - before == 1


def test_a_job_that_failed_says_why_and_one_that_was_cancelled_there_is_cancelled_here(
    polling: Polling, vendor: OpenAIVendor, tmp_path: Path
) -> None:
    failed, cancelled = submitted(polling, tmp_path, 2)
    vendor.jobs[failed.remote_id]["life"].ended = "failed"
    vendor.jobs[cancelled.remote_id]["life"].ended = "cancelled"
    polling.sweep()
    found = polling.registry.job(failed.id)
    assert found.status == "failed" and found.failure and "It failed." in found.failure.message
    assert polling.registry.job(cancelled.id).status == "cancelled"


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_fault_of_the_question_leaves_the_jobs_alone(
    status: int, polling: Polling, vendor: OpenAIVendor, tmp_path: Path
) -> None:
    (job,) = submitted(polling, tmp_path, 1)
    polling.provider("openai").patience = polling.provider("openai").jobs.patience = NO_PATIENCE
    vendor.fault("GET", "/fine_tuning/jobs", times=100, status=status)
    assert polling.sweep() == []
    assert polling.registry.job(job.id).waits
    vendor.faults.clear()
    vendor.jobs[job.remote_id]["life"].ended = "succeeded"
    polling.registry.put_off("openai", now() - HOUR)
    assert [ended.id for ended in polling.sweep()] == [job.id]


def test_a_key_that_is_not_accepted_shows_with_the_job(
    polling: Polling, vendor: OpenAIVendor, tmp_path: Path
) -> None:
    (job,) = submitted(polling, tmp_path, 1)
    vendor.fault("GET", "/fine_tuning/jobs", status=401)
    polling.sweep()
    told = polling.registry.job(job.id).progress
    assert told and "OPENAI_API_KEY" in told.message


def test_a_vendor_that_asks_to_be_left_alone_is(
    polling: Polling, vendor: OpenAIVendor, tmp_path: Path
) -> None:
    submitted(polling, tmp_path, 1)
    vendor.fault("GET", "/fine_tuning/jobs", status=429, headers={"retry-after": "300"})
    before = len(vendor.log)
    polling.sweep()
    polling.sweep()
    assert len(vendor.log) - before == 1


def test_an_unknown_state_waits_on_and_is_logged_once_by_all_processes(
    polling: Polling,
    settings: Settings,
    vendor: OpenAIVendor,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (job,) = submitted(polling, tmp_path, 1)
    vendor.jobs[job.remote_id]["life"].ended = "dreaming"
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            Polling(polling.registry, settings).sweep()
    assert sum("dreaming" in record.message for record in caplog.records) == 1
    assert polling.registry.job(job.id).waits


def test_past_its_deadline_a_job_is_stopped_and_says_so(
    polling: Polling, vendor: OpenAIVendor, tmp_path: Path
) -> None:
    late, timely = submitted(polling, tmp_path, 2)
    polling.registry.update_job(late.id, deadline=now() - HOUR)
    assert [job.id for job in polling.sweep()] == [late.id]
    found = polling.registry.job(late.id)
    assert found.failure and "has not ended at its provider by" in found.failure.message
    assert "OpenAI checks the files" in found.failure.message
    assert vendor.jobs[late.remote_id]["status"] == "cancelled"
    assert polling.registry.job(timely.id).waits


def test_the_time_in_the_vendors_queue_does_not_count(
    polling: Polling, vendor: OpenAIVendor, tmp_path: Path
) -> None:
    (job,) = submitted(polling, tmp_path, 1)
    polling.registry.update_job(job.id, deadline=now() - HOUR)
    vendor.jobs[job.remote_id]["life"].ended = "queued"
    polling.sweep()
    found = polling.registry.job(job.id)
    assert found.waits and found.deadline and found.deadline > now() + HOUR


def test_a_single_look_tells_the_steps_and_a_sweep_does_not_forget_them(
    polling: Polling, vendor: OpenAIVendor, tmp_path: Path
) -> None:
    (job,) = submitted(polling, tmp_path, 1)
    life = vendor.jobs[job.remote_id]["life"]
    vendor.pace.polls, life.looks = 4, 12
    looked = polling.look(job).progress
    assert looked and looked.step == 2 and "train_loss" in looked.metrics
    polling.sweep()
    swept = polling.registry.job(job.id).progress
    assert swept and (swept.step, swept.metrics) == (2, looked.metrics)


def test_who_looks_by_a_clock_of_their_own_gets_every_turn_and_nobody_gets_two(
    polling: Polling, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [now()]
    monkeypatch.setattr("registry.waits.now", lambda: clock[0])
    minute, registry = timedelta(minutes=1), polling.registry
    assert registry.take_turn("openai", minute)
    for moved, gets in ((timedelta(seconds=30), False), (timedelta(seconds=29.9), True)):
        clock[0] += moved
        assert registry.take_turn("openai", minute) == gets
    registry.put_off("openai", clock[0] + 5 * minute)
    clock[0] += 4.99 * minute
    assert not registry.take_turn("openai", minute), "the vendor's own word is kept to the second"


def test_a_turn_noted_by_a_clock_that_was_wrong_keeps_nobody_waiting(
    polling: Polling, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as wrong:
        wrong.setattr("registry.waits.now", lambda: now() + timedelta(days=400))
        assert polling.registry.take_turn("openai", HOUR)
    assert polling.registry.take_turn("openai", HOUR)
    assert not polling.registry.take_turn("openai", HOUR)


def test_how_a_training_ended_that_no_command_follows_any_more_is_noticed(
    polling: Polling, tiny_base: str, tmp_path: Path
) -> None:
    registry, gpu = polling.registry, polling.provider("gpu")
    dataset = add_dataset(registry, tmp_path)
    recipe = Recipe(base_model=tiny_base, epochs=1)
    job = Job(id="job-here", name="Here", provider="gpu", dataset_id=dataset.id, recipe=recipe)
    elsewhere = job.but(id="job-elsewhere", remote_id="job-elsewhere")
    for one in (job, elsewhere):
        registry.add_job(one)
        registry.update_job(one.id, status="in_progress")
    registry.update_job(job.id, remote_id=gpu.start(dataset, recipe, job.id))
    gpu.cancel(job.id)
    assert registry.job(job.id).status == "in_progress"
    polling.notice_ends()
    assert registry.job(job.id).status == "cancelled"
    assert registry.job(elsewhere.id).status == "in_progress"
