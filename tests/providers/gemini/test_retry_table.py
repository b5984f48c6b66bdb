"""Gemini's retry table, row by row: the real SDK, a loopback Google Cloud, and what a person gets to know.

T: passes by itself. A: the request may have taken effect. P: needs a person.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from google.auth.exceptions import RefreshError
from google.genai.types import CreateTuningJobConfig

from errors import LuthierError, NotConfigured, Refused, Unavailable
from providers.gemini.faults import mapped
from providers.gemini.provider import Gemini
from records import ChatOptions, Dataset, Message, Recipe
from tests.providers.conftest import LABEL
from tests.vendors.gemini_vendor import GeminiVendor, refused
from tests.vendors.storage import StorageFront

JOBS = "/tuningJobs$"
ONE = "/tuningJobs/"
Make = Callable[..., Gemini]
MakeDataset = Callable[..., Dataset]
Fault = dict[str, Any]


def said(status: int, message: str, name: str | None = None) -> Fault:
    return {"status": status, "body": refused(status, message, name).body}


def statuses(*numbers: int) -> list[Fault]:
    return [{"status": number} for number in numbers]


def started(provider: Gemini, dataset: MakeDataset, recipe: Recipe) -> str:
    made = dataset()
    return provider.start(made, provider.plan(made, recipe), LABEL)


def refusal_of(provider: Gemini, dataset: MakeDataset, recipe: Recipe) -> LuthierError:
    with pytest.raises(LuthierError) as raised:
        started(provider, dataset, recipe)
    return raised.value


def finished(provider: Gemini, remote_id: str) -> str:
    for _ in range(20):
        status = provider.poll(remote_id).status
        if status in ("succeeded", "failed", "cancelled"):
            return status
    raise AssertionError("the job did not end")


# T: refused connection, DNS, TLS set-up. Nothing was sent


@pytest.fixture(params=["refused", "no such host", "no TLS"])
def nowhere(request: pytest.FixtureRequest, vendor: GeminiVendor) -> str:
    return {
        "refused": "http://127.0.0.1:9",
        "no such host": "http://nowhere.invalid",
        "no TLS": vendor.url.replace("http:", "https:"),
    }[request.param]


def test_a_question_that_reaches_nobody_is_asked_again(make: Make, waits: list[float], nowhere: str) -> None:
    with pytest.raises(Unavailable):
        make(endpoint=nowhere).find(LABEL)
    assert len(waits) == 4


def test_a_create_that_reaches_nobody_is_handed_on_and_not_searched_after(
    make: Make, waits: list[float], nowhere: str
) -> None:
    with pytest.raises(Unavailable):
        make(endpoint=nowhere).jobs.create_once(
            LABEL, "gemini-3.5-flash", "gs://b/o", CreateTuningJobConfig()
        )
    assert waits == []


# A: cut or timed out after sending a create; ABORTED, ALREADY_EXISTS, CANCELLED, 5xx at create


DOUBTFUL: list[Fault] = [
    *statuses(408, 409, 499, 500, 502, 503, 504),
    said(409, "The job already exists.", "ALREADY_EXISTS"),
    {"cut": True},
]


@pytest.mark.parametrize("fault", DOUBTFUL)
def test_a_create_of_unknown_outcome_is_looked_up_and_adopted(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe, fault: Fault
) -> None:
    vendor.fault("POST", JOBS, when="after", **fault)
    job = started(provider, dataset, recipe)
    assert (list(vendor.jobs), vendor.count("POST", JOBS)) == ([job], 1)


def test_a_create_whose_answer_breaks_off_is_adopted(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.fault("POST", JOBS, truncate=True)
    job = started(provider, dataset, recipe)
    assert (list(vendor.jobs), vendor.count("POST", JOBS)) == ([job], 1)


def test_a_create_that_times_out_is_adopted(
    make: Make, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.fault("POST", JOBS, delay=1.2, when="after")
    job = started(make(timeout=0.6), dataset, recipe)
    assert (list(vendor.jobs), vendor.count("POST", JOBS)) == ([job], 1)


@pytest.mark.parametrize("fault", DOUBTFUL)
def test_a_create_that_took_no_effect_is_handed_on_and_made_by_the_next_start(
    provider: Gemini,
    vendor: GeminiVendor,
    files: StorageFront,
    dataset: MakeDataset,
    recipe: Recipe,
    fault: Fault,
) -> None:
    vendor.fault("POST", JOBS, **fault)
    assert isinstance(refusal_of(provider, dataset, recipe), Unavailable)
    assert vendor.count("POST", JOBS) == 1
    started(provider, dataset, recipe)
    assert (len(vendor.jobs), files.count("POST", "/upload/")) == (1, 1)


# T: any failed GET or poll


PASSING: list[Fault] = [
    *statuses(408, 409, 429, 499, 500, 502, 503, 504),
    {"cut": True},
    {"truncate": True},
    {"status": 200, "body": b"{'no json"},
]


@pytest.mark.parametrize("fault", PASSING)
def test_a_question_is_asked_again_with_growing_waits(
    provider: Gemini,
    vendor: GeminiVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    waits: list[float],
    fault: Fault,
) -> None:
    job = started(provider, dataset, recipe)
    for path, ask in ((JOBS, lambda: provider.find(LABEL)), (ONE, lambda: provider.poll(job))):
        vendor.fault("GET", path, times=3, **fault)
        waits.clear()
        assert ask()
        assert len(waits) == 3 and waits[0] < waits[2]


def test_a_poll_that_keeps_failing_is_handed_on_and_the_job_lives(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    vendor.fault("GET", ONE, times=5, status=502)
    with pytest.raises(Unavailable):
        provider.poll(job)
    assert finished(provider, job) == "succeeded"


def test_a_long_retry_after_is_handed_on(provider: Gemini, vendor: GeminiVendor, waits: list[float]) -> None:
    vendor.fault("GET", JOBS, status=429, headers={"retry-after": "121"})
    with pytest.raises(Unavailable) as raised:
        provider.find(LABEL)
    assert (raised.value.retry_after, waits) == (121, [])


# T: quota and capacity at create, before anything was made


def test_a_rate_limit_at_create_is_passing_and_not_searched_after(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.fault("POST", JOBS, status=429)
    assert isinstance(refusal_of(provider, dataset, recipe), Unavailable)
    assert vendor.log[-1].method == "POST"


# P: configuration, data, adapter, region; rights; missing or retired; a quota of zero


@pytest.mark.parametrize(
    ("fault", "code", "hint"),
    [
        (said(400, "Adapter size is wrong"), "provider_refused", ""),
        (said(400, "The training dataset has an invalid example"), "invalid_data_format", "Prepare"),
        (said(400, "Constraint violated", "FAILED_PRECONDITION"), "provider_refused", "organisation"),
        (said(403, "Permission denied on bucket"), "provider_refused", "gcp-sa-aiplatform"),
        (said(403, "Vertex AI API has not been used"), "provider_refused", "API must be on"),
        (said(404, "Model not found"), "provider_refused", "GOOGLE_CLOUD_LOCATION"),
        (said(429, "Quota exceeded, limit: 0"), "provider_refused", "quota"),
    ],
    ids=lambda value: value["body"]["error"]["message"] if isinstance(value, dict) else "",
)
def test_final_refusals_say_what_to_do(
    provider: Gemini,
    vendor: GeminiVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    fault: Fault,
    code: str,
    hint: str,
) -> None:
    vendor.fault("POST", JOBS, **fault)
    error = refusal_of(provider, dataset, recipe)
    assert error.code == code
    assert fault["body"]["error"]["message"] in error.message
    assert hint in error.hint
    assert vendor.count("POST", JOBS) == 1


# credentials: T once, with a fresh token, then P


def test_a_token_that_ran_out_is_renewed_once(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    before = vendor.signed_in
    vendor.fault("GET", ONE, status=401)
    provider.poll(job)
    assert vendor.signed_in == before + 1
    vendor.fault("GET", ONE, status=401, times=2)
    with pytest.raises(NotConfigured):
        provider.poll(job)


def test_a_token_that_ran_out_at_create_makes_one_job(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.fault("POST", JOBS, status=401)
    assert [started(provider, dataset, recipe)] == list(vendor.jobs)


def test_a_fault_of_the_sign_in_is_passing_and_a_refusal_final(
    make: Make, vendor: GeminiVendor, waits: list[float]
) -> None:
    vendor.fault("POST", "/token$", cut=True)
    assert make().find(LABEL) is None
    assert waits
    with pytest.raises(Unavailable), mapped("signing in"):
        raise RefreshError("HTTP 503", retryable=True)
    revoked = {"error": "invalid_grant", "error_description": "Token has been revoked."}
    vendor.fault("POST", "/token$", status=400, times=8, body=revoked)
    with pytest.raises(NotConfigured, match="revoked"):
        make().find(LABEL)


# a job that failed: P for 3, 5, 7, 9, T for 4, 8, 10, 13, 14. Who tries those again, as a new attempt with a
# label of its own, is tested with the flow retry-failed


@pytest.mark.parametrize(
    ("error", "code", "transient"),
    [
        ({"code": 3, "message": "Invalid dataset: example 3"}, "invalid_data_format", False),
        ({"code": 3, "message": "Adapter size is wrong"}, "provider_refused", False),
        ({"code": 5, "message": "Model was not found"}, "provider_refused", False),
        ({"code": 7, "message": "Bucket is not readable"}, "provider_refused", False),
        ({"code": 9, "message": "Not in this region"}, "provider_refused", False),
        ({"code": 3, "message": "The data violates our policy"}, "provider_refused", False),
        *(({"code": code, "message": "Try again"}, "training_failed", True) for code in (4, 8, 10, 13, 14)),
        ({"code": 2, "message": "Unknown"}, "training_failed", False),
    ],
)
def test_a_failed_job_says_why_in_one_of_our_classes(
    provider: Gemini,
    vendor: GeminiVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    error: dict[str, object],
    code: str,
    transient: bool,
) -> None:
    vendor.scripts.say(outcome="failed", error=error)
    job = started(provider, dataset, recipe)
    assert finished(provider, job) == "failed"
    failure = provider.poll(job).failure
    assert failure is not None
    assert (failure.code, failure.transient) == (code, transient)
    assert str(error["message"]) in failure.message


# P: expired; a part of a success counts where there is a model; cancelled, not by us


def test_an_expired_job_has_failed_for_good(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.scripts.say(outcome="expired")
    job = started(provider, dataset, recipe)
    assert finished(provider, job) == "failed"
    failure = provider.poll(job).failure
    assert failure and "expired" in failure.message and not failure.transient


def test_a_part_of_a_success_counts_where_it_left_a_model_and_says_so(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.scripts.say(outcome="partially_succeeded")
    job = started(provider, dataset, recipe)
    assert finished(provider, job) == "succeeded"
    assert "only in part" in provider.poll(job).message
    assert provider.outcome(job).reference in vendor.endpoints
    vendor.fault("GET", ONE, drop=["tunedModel"])
    assert provider.poll(job).status == "failed"


def test_a_job_that_somebody_cancelled_at_google_has_ended(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    vendor.lives[job].ended = "JOB_STATE_CANCELLED"
    progress = provider.poll(job)
    assert (progress.status, progress.message) == ("cancelled", "Cancelled at Google.")


# not an error: waiting for quota or capacity


@pytest.mark.parametrize(
    ("why", "words"), [("QUOTA", "as many tuning jobs as it may"), ("CAPACITY", "hardware")]
)
def test_waiting_for_quota_or_capacity_is_queueing_and_told(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe, why: str, words: str
) -> None:
    vendor.scripts.say(states=["JOB_STATE_PENDING", f"RUNNING:WAITING_FOR_{why}"])
    progress = provider.poll(started(provider, dataset, recipe))
    assert progress.status == "queued"
    assert words in progress.message


# P: the endpoint is gone at inference


def test_an_endpoint_that_is_gone_names_the_date_of_its_base(
    make: Make, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(make(), dataset, recipe)
    assert finished(make(), job) == "succeeded"
    gone = make().outcome(job).reference + "9"
    asked = [Message(role="user", content="Hello")]
    late = make(today=lambda: date(2027, 6, 1))
    with pytest.raises(Refused, match=r"gemini-3\.5-flash was shut down on 2027-05-19"):
        list(late.chat("gemini-3.5-flash", gone, asked, ChatOptions()))


# Cloud Storage: a repeated create-only upload (412) is success, faults pass


@pytest.mark.parametrize("fault", [{"cut": True}, *statuses(408, 429, 500, 502, 503, 504)])
def test_a_fault_of_the_storage_is_tried_again(
    provider: Gemini, files: StorageFront, dataset: MakeDataset, recipe: Recipe, fault: Fault
) -> None:
    files.fault("POST", "/upload/", **fault)
    assert started(provider, dataset, recipe)
    assert len(provider.staging.listed()) == 1


@pytest.mark.parametrize("fault", [{"status": 503}, {"cut": True}])
def test_an_upload_whose_answer_was_lost_is_not_repeated(
    provider: Gemini, files: StorageFront, dataset: MakeDataset, recipe: Recipe, fault: Fault
) -> None:
    files.fault("POST", "/upload/", when="after", **fault)
    assert started(provider, dataset, recipe)
    assert files.count("POST", "/upload/") == 1


def test_a_race_for_the_same_file_is_won_by_the_first(
    provider: Gemini, files: StorageFront, dataset: MakeDataset, recipe: Recipe
) -> None:
    provider.start(dataset(), recipe, LABEL)
    files.fault("GET", "/o/luthier", status=404, body={"error": {"code": 404, "message": "Not yet."}})
    assert provider.start(dataset(), recipe, "job-2")
    assert files.count("POST", "/upload/", 412) == 1


def test_an_object_with_other_bytes_under_the_name_is_not_used(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    provider.start(dataset(), recipe, LABEL)
    (uri,) = provider.staging.listed()
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    provider.access.storage.bucket(bucket).blob(name).upload_from_string("other")
    with pytest.raises(Refused, match="other bytes"):
        provider.start(dataset(), recipe, "job-2")
    assert len(vendor.jobs) == 1
