import pytest

from errors import NotFound, Refused
from records import Failure, now
from registry.runs import Run


@pytest.fixture
def make_run(registry):
    def make(account: str = "owner", **fields) -> Run:
        given = {
            "flow": "fine_tune",
            "base_model": "smollm2-135m",
            "provider": "gpu",
            "parameters": {},
            **fields,
        }
        return registry.add_run(Run(account=account, name="Tools", use_case="Name the shelf", **given))

    return make


def test_how_a_run_ended_is_not_overwritten_by_its_process(registry, make_run):
    run = make_run()
    registry.update_run(run.id, status="cancelled")
    failure = Failure(code="error", message="killed", hint="")
    late = registry.update_run(run.id, status="failed", failure=failure, job_id="job-1")
    assert (late.status, late.failure, late.job_id) == ("cancelled", None, "job-1")
    assert late.finished_at is not None


def test_only_failed_and_cancelled_runs_are_taken_up_again(registry, make_run):
    run = make_run()
    registry.update_run(run.id, pid=7, pid_started="here.1", starts=3, status="succeeded")
    assert registry.reopen_run(run.id).status == "succeeded"
    lost = make_run()
    registry.update_run(lost.id, pid=7, pid_started="here.1", starts=3, status="failed")
    again = registry.reopen_run(lost.id)
    assert (again.status, again.pid, again.starts, again.finished_at) == ("queued", None, 0, None)


def test_a_run_taken_up_again_needs_room_too(registry, make_run):
    registry.owner()
    lost = make_run()
    registry.update_run(lost.id, status="failed")
    make_run()
    with pytest.raises(Refused, match="Your plan holds 1"):
        registry.reopen_run(lost.id, limit=1)


def test_premium_and_regular_models_are_counted_apart(registry, make_run):
    make_run()
    make_run(premium=True)
    make_run(flow="prepare_dataset")
    make_run(account="acct-1")
    assert registry.models_counted("owner", premium=False) == 1
    assert registry.models_counted("owner", premium=True) == 1


def test_two_runs_of_one_job_are_one_model(registry, make_run, make_job):
    job = registry.add_job(make_job())
    for _ in range(2):
        make_run(job_id=job.id, status="in_progress")
    assert registry.models_counted("owner", premium=False) == 1
    assert len(registry.entries("owner")) == 1


def test_a_model_that_the_command_line_deleted_neither_counts_nor_lists(
    registry, make_run, make_job, make_model
):
    job = registry.add_job(make_job(status="succeeded"))
    model = registry.add_model(make_model(job_id=job.id))
    make_run(job_id=job.id, status="succeeded")
    assert registry.models_counted("owner", premium=False) == 1
    assert [entry.model for entry in registry.entries("owner")] == [model]
    registry.delete_model(model.id)
    assert registry.models_counted("owner", premium=False) == 0
    assert registry.entries("owner") == []


def test_a_running_entry_has_its_jobs_status(registry, make_run, make_job):
    job = registry.add_job(make_job(status="in_progress"))
    make_run(job_id=job.id, status="queued", pid=7, pid_started="here.1")
    assert registry.entries("owner")[0].run.status == "in_progress"
    registry.update_job(job.id, status="failed")
    # its process may be about to try again
    assert registry.entries("owner")[0].run.status == "queued"


def test_entries_are_found_by_run_job_or_model(registry, make_run, make_job, make_model):
    job = registry.add_job(make_job(status="succeeded"))
    model = registry.add_model(make_model(job_id=job.id))
    run = make_run(job_id=job.id, status="succeeded")
    for key in (run.id, job.id, model.id):
        assert [entry.run.id for entry in registry.entries("owner", key)] == [run.id]
    for account, key in [("owner", "job-"), ("owner", "%"), ("acct-1", model.id)]:
        assert registry.entries(account, key) == []


def test_jobs_of_the_command_line_are_adopted_once(registry, make_job):
    registry.owner()
    job = registry.add_job(make_job(status="failed"))
    for _ in range(2):
        registry.adopt_jobs()
    assert [entry.job.id for entry in registry.entries("owner")] == [job.id]


def test_what_was_deleted_for_good_is_not_adopted_but_a_model_made_again_is(
    registry, make_run, make_job, make_model
):
    job = registry.add_job(make_job(status="succeeded"))
    run = make_run(job_id=job.id, status="succeeded", deleted_at=now())
    registry.update_run(run.id, purged_at=now())
    registry.adopt_jobs()
    assert registry.entries("owner") == []
    registry.add_model(make_model(job_id=job.id))
    registry.adopt_jobs()
    assert len(registry.entries("owner")) == 1


def test_what_is_purged_cannot_be_restored(registry, make_run):
    run = make_run(deleted_at=now())
    registry.update_run(run.id, purged_at=now())
    with pytest.raises(NotFound, match="for good"):
        registry.restore_run(run.id, None)


def test_another_accounts_run_is_not_found(registry, make_run):
    run = make_run(account="acct-1")
    assert registry.run_of("acct-1", run.id) == run
    with pytest.raises(NotFound):
        registry.run_of("owner", run.id)
