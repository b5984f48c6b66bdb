"""One paid job per label in Google Cloud, and what its many states mean."""

from collections.abc import Callable

import pytest

from errors import Refused, Unavailable
from providers.gemini.provider import Gemini
from records import Dataset, Recipe
from tests.providers.conftest import LABEL
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.storage import StorageFront

JOBS = "/tuningJobs$"
ONE = "/tuningJobs/"
Make = Callable[..., Gemini]
MakeDataset = Callable[..., Dataset]


def started(provider: Gemini, dataset: MakeDataset, recipe: Recipe, label: str = LABEL) -> str:
    made = dataset()
    return provider.start(made, provider.plan(made, recipe), label)


def finished(provider: Gemini, remote_id: str) -> str:
    for _ in range(20):
        status = provider.poll(remote_id).status
        if status in ("succeeded", "failed", "cancelled"):
            return status
    raise AssertionError("the job did not end")


def test_a_job_goes_through_its_states_to_an_endpoint(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    seen = [provider.poll(job) for _ in range(4)]
    assert [progress.status for progress in seen] == [
        "queued", "validating_files", "in_progress", "succeeded",
    ]  # fmt: skip
    assert "hardware free" in seen[0].message
    assert (seen[3].step, seen[3].steps) == (12, 12)
    outcome = provider.outcome(job)
    assert "/endpoints/" in outcome.reference
    assert outcome.metrics["examples"] == 12
    assert outcome.metrics["trained_tokens"] == 8 * outcome.metrics["billable_tokens"]


def test_the_request_carries_label_and_hyperparameters(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe, bucket: str
) -> None:
    asked = recipe.but(epochs=2, learning_rate=1.5, rank=16, suffix="shelves", options={"checkpoints": True})
    made = vendor.jobs[started(provider, dataset, asked)]
    assert made["labels"] == {"luthier_job": LABEL}
    assert made["tunedModelDisplayName"] == "shelves"
    spec = made["supervisedTuningSpec"]
    assert spec["trainingDatasetUri"].startswith(f"gs://{bucket}/luthier/luthier-")
    assert spec["exportLastCheckpointOnly"] is False
    wanted = {"epochCount": 2, "learningRateMultiplier": 1.5, "adapterSize": "ADAPTER_SIZE_SIXTEEN"}
    assert spec["hyperParameters"] == wanted


def test_two_starts_make_one_job_and_one_upload(
    provider: Gemini,
    make: Make,
    vendor: GeminiVendor,
    files: StorageFront,
    dataset: MakeDataset,
    recipe: Recipe,
) -> None:
    assert started(provider, dataset, recipe) == started(make(), dataset, recipe)
    assert started(make(), dataset, recipe, "job-2") != started(provider, dataset, recipe)
    assert (len(vendor.jobs), files.count("POST", "/upload/")) == (2, 1)


def test_a_job_that_the_list_shows_late_is_adopted(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.list_lag = 4
    vendor.fault("POST", JOBS, cut=True, when="after")
    job = started(provider, dataset, recipe)
    assert (list(vendor.jobs), vendor.count("POST", JOBS)) == ([job], 1)


def test_a_filter_that_is_not_understood_or_not_honoured_does_no_harm(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    started(provider, dataset, recipe, "job-other")
    vendor.fault("GET", JOBS, status=400)
    assert provider.find(LABEL) == job
    vendor.filters = False
    assert provider.find(LABEL) == job
    assert provider.find("job-never-started") is None


def test_a_list_that_repeats_its_page_ends(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    started(provider, dataset, recipe)
    vendor.filters = False
    vendor.fault("GET", JOBS, times=100, merge={"nextPageToken": "0"})
    assert provider.find("job-never-started") is None
    assert vendor.count("GET", JOBS) < 20


@pytest.mark.parametrize(
    ("state", "status", "words"),
    [
        ("JOB_STATE_QUEUED", "queued", "queue"),
        ("RUNNING:WAITING_FOR_QUOTA", "queued", "as many tuning jobs as it may"),
        ("RUNNING:WAITING_FOR_CAPACITY", "queued", "hardware"),
        ("RUNNING:PROCESSING_DATASET", "validating_files", "checks"),
        ("RUNNING:POST_PROCESSING", "in_progress", "endpoint"),
        ("RUNNING:SOMETHING_NEW", "in_progress", "Training"),
        ("JOB_STATE_PAUSED", "in_progress", "Paused"),
        ("JOB_STATE_UPDATING", "in_progress", "updates"),
        ("JOB_STATE_CANCELLING", "in_progress", "cancelling"),
        ("JOB_STATE_CANCELLED", "cancelled", "Cancelled"),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", "succeeded", "in part"),
        ("JOB_STATE_EXPIRED", "failed", "expired"),
        ("JOB_STATE_FAILED", "failed", "Internal error."),
    ],
)
def test_every_state_is_shown(
    provider: Gemini,
    vendor: GeminiVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    state: str,
    status: str,
    words: str,
) -> None:
    vendor.scripts.say(states=["JOB_STATE_PENDING", state])
    vendor.breaches = _Ignored()
    progress = provider.poll(started(provider, dataset, recipe))
    assert progress.status == status
    assert words in progress.message


def test_an_unknown_state_waits_on_and_is_told(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.scripts.say(states=["JOB_STATE_PENDING", *["JOB_STATE_DREAMING"] * 2, "JOB_STATE_SUCCEEDED"])
    vendor.breaches = _Ignored()
    job = started(provider, dataset, recipe)
    seen = [provider.poll(job) for _ in range(3)]
    assert [progress.status for progress in seen] == ["in_progress", "in_progress", "succeeded"]
    assert [progress.unknown for progress in seen] == ["DREAMING", "DREAMING", None]


def test_a_job_that_is_over_under_a_new_name_is_not_waited_for_until_it_is_given_up(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    ended = {"state": "JOB_STATE_DONE", "endTime": "2026-11-22T10:00:00Z"}
    vendor.fault("GET", "/tuningJobs/", merge={**ended, "tunedModel": {"endpoint": "endpoints/7"}})
    assert provider.poll(job).status == "succeeded"


def test_a_success_without_an_endpoint_is_waited_for(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    finished(provider, job)
    vendor.fault("GET", ONE, times=2, drop=["tunedModel"])
    assert provider.poll(job).status == "in_progress"
    with pytest.raises(Unavailable):
        provider.outcome(job)


def test_examples_that_google_drops_in_silence_are_told(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.example_tokens = 6
    job = started(provider, dataset, recipe)
    assert finished(provider, job) == "succeeded"
    (finding,) = provider.findings(job)
    assert finding.count == provider.poll(job).metrics["dropped_examples"] > 0
    assert "too many tokens" in finding.message
    assert finding.message in provider.poll(job).message
    assert [event.message for event in provider.events(job) if event.level == "warning"] == [finding.message]


def test_cancelling_twice_or_after_the_end_does_no_harm(
    provider: Gemini, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    provider.cancel(job)
    provider.cancel(job)
    provider.cancel("")
    assert provider.poll(job).status == "cancelled"


def test_many_jobs_are_polled_with_a_request_per_hundred(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    jobs = [started(provider, dataset, recipe, f"job-{number}") for number in range(5)]
    before = len(vendor.log)
    assert set(provider.poll_all(jobs)) == set(jobs)
    assert len(vendor.log) - before == 1


def test_what_a_job_left_can_be_removed(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    first, second = started(provider, dataset, recipe), started(provider, dataset, recipe, "job-2")
    assert [left.kind for left in provider.leftovers([LABEL])[LABEL]] == [
        "job"
    ]  # the file is needed by the other
    provider.cancel(second)
    finished(provider, first)
    left = provider.leftovers([LABEL])[LABEL]
    assert sorted(thing.kind for thing in left) == ["file", "model"]
    for thing in [*left, *left]:
        provider.remove(thing)
    assert (vendor.models, provider.staging.listed()) == ({}, {})


class _Ignored(list[str]):
    """Takes nothing: for answers that are meant to leave the published description."""

    def __iadd__(self, other: object) -> "_Ignored":  # type: ignore[misc, override]
        return self


def test_a_proxys_page_is_not_googles_word_about_a_job(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    page = {"body": b"<!doctype html><title>Sign in</title>", "headers": {"content-type": "text/html"}}
    for status in (403, 404, 407):
        vendor.fault("GET", ONE, status=status, **page)
        assert provider.poll(job).status not in ("failed", "cancelled")
    vendor.fault("GET", ONE, times=9, status=404, **page)
    with pytest.raises(Unavailable, match="page for people") as raised:
        provider.poll(job)
    assert "doctype" not in str(raised.value)


def test_a_404_in_plain_text_is_not_googles_word_either(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    vendor.fault("GET", JOBS, times=9, status=200, body={})
    plain = {"body": b"default backend - 404", "headers": {"content-type": "text/plain"}}
    vendor.fault("GET", ONE, status=404, **plain)
    with pytest.raises(Refused, match="default backend"):
        provider.poll_all([job])
    vendor.jobs.clear()
    assert provider.poll_all([job])[job].status == "failed"
    # which may be so in this region alone: a second one would be paid for too
    assert provider.poll(job).final


@pytest.mark.parametrize("status", [403, 404])
def test_a_job_that_could_not_be_cancelled_is_not_said_to_be(
    provider: Gemini,
    vendor: GeminiVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    status: int,
) -> None:
    """It runs on at the vendor, and is paid for."""
    job = started(provider, dataset, recipe)
    vendor.fault("POST", ":cancel$", status=status)
    with pytest.raises(Refused) as refused:
        provider.cancel(job)
    assert "be paid for" in refused.value.hint
