"""One paid job per label, whatever happens on the way; and what a job's state means."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from errors import Refused, Unavailable
from providers.openai.provider import OpenAI
from records import Dataset, Recipe
from tests.providers.conftest import LABEL
from tests.vendors.openai_vendor import OpenAIVendor

JOBS = "/fine_tuning/jobs$"
Make = Callable[..., OpenAI]
MakeDataset = Callable[..., Dataset]


def started(provider: OpenAI, dataset: MakeDataset, recipe: Recipe, label: str = LABEL) -> str:
    made = dataset()
    return provider.start(made, provider.plan(made, recipe), label)


def finished(provider: OpenAI, remote_id: str) -> str:
    for _ in range(20):
        status = provider.poll(remote_id).status
        if status in ("succeeded", "failed", "cancelled"):
            return status
    raise AssertionError("the job did not end")


def test_a_job_goes_through_its_states_to_a_model(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    seen = [provider.poll(job) for _ in range(6)]
    assert [progress.status for progress in seen] == [
        "queued", "in_progress", "in_progress", "in_progress", "succeeded", "succeeded",
    ]  # fmt: skip
    assert (seen[2].step, seen[2].steps, seen[2].metrics) == (2, 3, {"train_loss": 0.667})
    assert seen[2].estimated_finish
    outcome = provider.outcome(job)
    assert outcome.reference.startswith("ft:gpt-4.1-mini-2025-04-14:loopback:luthier-89abcdef:")
    assert outcome.metrics["trained_tokens"] == vendor.jobs[job]["trained_tokens"]
    assert outcome.metrics["train_loss"] == 0.5


def test_the_request_carries_label_seed_and_hyperparameters(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    options = {**recipe.options, "batch_size": 4}
    asked = recipe.but(epochs=2, learning_rate=1.5, seed=5, suffix="shelves", options=options)
    made = vendor.jobs[started(provider, dataset, asked)]
    assert made["metadata"]["luthier_job"] == LABEL
    assert len(made["metadata"]["luthier_data"]) == 64
    assert (made["seed"], made["suffix"]) == (5, "shelves")
    wanted = {"n_epochs": 2, "learning_rate_multiplier": 1.5, "batch_size": 4}
    assert made["method"] == {"type": "supervised", "supervised": {"hyperparameters": wanted}}


def test_two_starts_make_one_job_and_one_upload(
    provider: OpenAI, make: Make, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    assert started(provider, dataset, recipe) == started(make(), dataset, recipe)
    assert (len(vendor.jobs), vendor.count("POST", "/files$")) == (1, 1)


def test_another_attempt_is_another_job_on_the_same_file(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    assert started(provider, dataset, recipe) != started(provider, dataset, recipe, "job-2")
    assert (len(vendor.jobs), len(vendor.files)) == (2, 1)


def test_a_job_that_the_list_shows_late_is_adopted(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.list_lag = 4
    vendor.fault("POST", JOBS, cut=True, when="after")
    job = started(provider, dataset, recipe)
    assert (list(vendor.jobs), vendor.count("POST", JOBS)) == ([job], 1)


def test_a_service_that_ignores_the_filter_is_searched_page_by_page(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    for number in range(120):
        vendor.copy_job(job, f"job-other-{number}")
    vendor.filters = False
    assert provider.find(LABEL) == job
    assert provider.find("job-never-started") is None


def test_a_service_that_rejects_the_filter_is_searched_too(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    vendor.fault("GET", JOBS, status=400)
    assert provider.find(LABEL) == job


def test_a_list_that_repeats_its_page_ends(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    started(provider, dataset, recipe)
    vendor.filters = False
    vendor.fault("GET", JOBS, times=100, merge={"has_more": True})
    assert provider.find("job-never-started") is None
    assert vendor.count("GET", JOBS) < 20


def test_a_cancelled_job_is_not_preferred_to_a_running_one(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    first, second = started(provider, dataset, recipe), started(provider, dataset, recipe, "job-2")
    vendor.jobs[second]["metadata"]["luthier_job"] = LABEL
    provider.cancel(first)
    assert provider.find(LABEL) == second


def test_an_unknown_state_waits_on_and_is_told(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.scripts.say(states=["queued", "dreaming", "dreaming", "running", "succeeded"])
    vendor.breaches = _Ignored()
    job = started(provider, dataset, recipe)
    seen = [provider.poll(job) for _ in range(4)]
    assert [progress.status for progress in seen] == ["in_progress"] * 3 + ["succeeded"]
    assert "dreaming" in seen[0].message
    assert [progress.unknown for progress in seen] == ["dreaming", "dreaming", None, None]


def test_a_paused_job_waits_and_says_so(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.scripts.say(states=["queued", "paused", "succeeded"])
    vendor.breaches = _Ignored()
    progress = provider.poll(started(provider, dataset, recipe))
    assert (progress.status, "Paused" in progress.message) == ("in_progress", True)


def test_an_empty_error_on_a_healthy_job_means_nothing(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    vendor.fault("GET", "/fine_tuning/jobs/", times=9, merge={"error": {}, "new_field": {"a": 1}})
    assert finished(provider, job) == "succeeded"


def test_absent_fields_do_not_stop_a_poll(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    dropped = ["metadata", "result_files", "trained_tokens", "estimated_finish", "error", "hyperparameters"]
    vendor.fault("GET", "/fine_tuning/jobs/", times=9, drop=dropped)
    assert finished(provider, job) == "succeeded"


def test_a_success_without_the_models_name_is_waited_for(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    finished(provider, job)
    vendor.fault("GET", "/fine_tuning/jobs/", times=2, merge={"fine_tuned_model": None})
    assert provider.poll(job).status == "in_progress"
    with pytest.raises(Unavailable):
        provider.outcome(job)
    assert provider.poll(job).status == "succeeded"


def test_a_failure_without_a_reason_is_still_a_failure(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.scripts.say(outcome="failed")
    job = started(provider, dataset, recipe)
    finished(provider, job)
    vendor.fault("GET", "/fine_tuning/jobs/", drop=["error"])
    progress = provider.poll(job)
    assert progress.failure is not None
    assert progress.failure.message == "The job failed at OpenAI: OpenAI gives no reason."


def test_cancelling_twice_or_after_the_end_does_no_harm(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    provider.cancel(job)
    provider.cancel(job)
    provider.cancel("")
    assert provider.poll(job).status == "cancelled"


def test_events_come_oldest_first_with_their_metrics(
    provider: OpenAI, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    finished(provider, job)
    events = provider.events(job)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert events[2].metrics == {"step": 1.0, "steps": 3.0, "train_loss": 1.0}


def test_checkpoints_can_be_listed(provider: OpenAI, dataset: MakeDataset, recipe: Recipe) -> None:
    job = started(provider, dataset, recipe)
    finished(provider, job)
    assert [checkpoint.step for checkpoint in provider.checkpoints(job)] == [2, 1]


def test_many_jobs_are_polled_with_a_request_per_hundred(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    first = started(provider, dataset, recipe)
    jobs = [first, *(vendor.copy_job(first, f"job-{number}") for number in range(149))]
    before = len(vendor.log)
    seen = provider.poll_all(jobs)
    assert set(seen) == set(jobs)
    assert len(vendor.log) - before == 2


def test_one_job_that_can_not_be_asked_for_does_not_hide_the_others(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    first = started(provider, dataset, recipe)
    vendor.fault("GET", "/jobs/ftjob-lost$", times=5, status=500)
    seen = provider.poll_all([first, "ftjob-lost", "ftjob-unknown"])
    assert {id: progress.status for id, progress in seen.items()} == {
        first: "queued",
        "ftjob-unknown": "failed",
    }


def test_racing_uploads_of_the_same_file_leave_one_job_each(
    make: Make, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    made = dataset()
    labels = [f"job-{number}" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        jobs = list(pool.map(lambda label: make().start(made, recipe, label), labels))
    assert sorted(vendor.jobs) == sorted(jobs)


def test_what_a_cancelled_job_left_can_be_removed(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    first = started(provider, dataset, recipe)
    second = started(provider, dataset, recipe, "job-2")
    assert [left.kind for left in provider.leftovers([LABEL])[LABEL]] == [
        "job"
    ]  # the file is needed by the other
    provider.cancel(second)
    finished(provider, first)
    left = provider.leftovers([LABEL])[LABEL]
    assert sorted(thing.kind for thing in left) == ["file", "file", "model"]
    for thing in [*left, *left]:
        provider.remove(thing)
    assert (vendor.files, vendor.models) == ({}, {})


def test_a_file_without_a_job_is_an_orphan(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, tmp_path: Path
) -> None:
    vendor.fault("POST", JOBS, status=403)
    with pytest.raises(Refused):
        started(provider, dataset, recipe)
    assert [orphan.id for orphan in provider.orphans(timedelta(0))] == list(vendor.files)
    assert provider.orphans() == [], "a young file may belong to a job that is about to start"


class _Ignored(list[str]):
    """Takes nothing: for answers that are meant to leave the published description."""

    def __iadd__(self, other: object) -> "_Ignored":  # type: ignore[misc, override]
        return self


@pytest.mark.parametrize("status", [403, 404])
def test_a_job_that_could_not_be_cancelled_is_not_said_to_be(
    provider: OpenAI,
    vendor: OpenAIVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    status: int,
) -> None:
    """It runs on at the vendor, and is paid for."""
    job = started(provider, dataset, recipe)
    vendor.fault("POST", "/cancel$", status=status)
    with pytest.raises(Refused) as refused:
        provider.cancel(job)
    assert "be paid for" in refused.value.hint
