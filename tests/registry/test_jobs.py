import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from errors import NotFound
from records import Failure, Progress, now
from registry import Registry

ROOT = Path(__file__).parents[2]


def test_an_added_job_is_read_back_as_it_was(registry, make_job):
    job = make_job(progress=Progress(status="queued", metrics={"loss": 1.5}))
    assert registry.add_job(job) == job
    assert registry.job(job.id) == job


def test_adding_a_job_again_returns_the_stored_one(registry, make_job):
    registry.add_job(make_job(name="first"))
    assert registry.add_job(make_job(name="second")).name == "first"
    assert len(registry.jobs()) == 1


def test_jobs_are_listed_newest_first_and_by_status(registry, make_job):
    moment = now()
    for attempt, status in enumerate(["queued", "in_progress", "queued"], 1):
        created = moment + timedelta(seconds=attempt)
        registry.add_job(make_job(attempt=attempt, status=status, created_at=created))
    assert [job.attempt for job in registry.jobs()] == [3, 2, 1]
    assert [job.attempt for job in registry.jobs("queued")] == [3, 1]
    assert registry.jobs("failed") == []


def test_an_update_moves_updated_at_and_leaves_the_rest(registry, make_job):
    job = registry.add_job(make_job())
    changed = registry.update_job(job.id, status="in_progress", remote_id="run-1")
    assert (changed.status, changed.remote_id, changed.name) == ("in_progress", "run-1", job.name)
    assert changed.updated_at > job.updated_at
    assert changed.created_at == job.created_at
    assert changed.finished_at is None
    assert registry.job(job.id) == changed


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_an_update_that_ends_the_job_sets_finished_at(status, registry, make_job):
    job = registry.add_job(make_job())
    ended = registry.update_job(job.id, status=status)
    assert ended.finished_at == ended.updated_at


def test_a_late_poll_does_not_bring_a_cancelled_job_back(registry, make_job):
    job = registry.add_job(make_job())
    cancelled = registry.update_job(job.id, status="cancelled")
    late = registry.update_job(job.id, status="in_progress", progress=Progress(status="in_progress"))
    assert late == cancelled
    assert registry.jobs("in_progress") == []


def test_an_ended_job_still_takes_the_vendors_id(registry, make_job):
    job = registry.add_job(make_job())
    registry.update_job(job.id, status="cancelled")
    late = registry.update_job(job.id, status="in_progress", remote_id="run-1")
    assert (late.status, late.remote_id) == ("cancelled", "run-1")


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_reopening_queues_a_job_that_stopped(status, registry, make_job):
    job = registry.add_job(make_job(remote_id="run-1"))
    failure = Failure(code="training_failed", message="Out of memory.", hint="Shorten.")
    registry.update_job(job.id, status=status, failure=failure)
    opened = registry.reopen_job(job.id)
    assert (opened.status, opened.failure, opened.finished_at) == ("queued", None, None)
    assert opened.remote_id == "run-1"


@pytest.mark.parametrize("status", ["queued", "in_progress", "succeeded"])
def test_reopening_leaves_a_job_that_runs_or_succeeded(status, registry, make_job):
    job = registry.add_job(make_job(status=status))
    assert registry.reopen_job(job.id) == job


def test_id_and_creation_cannot_be_changed(registry, make_job):
    job = registry.add_job(make_job())
    changed = registry.update_job(job.id, id="job-other", created_at=now() + timedelta(days=1), name="new")
    assert (changed.id, changed.created_at, changed.name) == (job.id, job.created_at, "new")


def test_updating_or_reopening_an_unknown_job_is_not_found(registry):
    with pytest.raises(NotFound):
        registry.update_job("job-unknown", status="failed")
    with pytest.raises(NotFound):
        registry.reopen_job("job-unknown")


def test_concurrent_updates_of_different_fields_all_last(registry, make_job):
    job = registry.add_job(make_job())
    last = 8

    def count(field: str) -> None:
        own = Registry(registry.url, registry.home, "")
        for step in range(last + 1):
            own.update_job(job.id, **{field: f"{field} {step}"})

    fields = ("name", "remote_id", "provider")
    threads = [threading.Thread(target=count, args=(field,)) for field in fields]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = registry.job(job.id)
    assert [getattr(stored, field) for field in fields] == [f"{field} {last}" for field in fields]


def test_of_racing_processes_one_inserts_and_all_get_its_job(registry, make_job):
    template = make_job().model_dump_json()
    code = (
        "import sys; from pathlib import Path; from records import Job; from registry import Registry; "
        f"job = Job.model_validate_json({template!r}).but(name=sys.argv[1]); "
        f"print(Registry({registry.url!r}, Path('.'), '').add_job(job).name)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(name)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for name in range(4)
    ]
    names = {process.communicate()[0].strip() for process in running}
    assert names == {registry.job(make_job().id).name}
    assert len(registry.jobs()) == 1
