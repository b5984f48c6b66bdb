"""OpenAI's retry table, row by row: the real SDK, a loopback OpenAI, and what a person gets to know.

T: passes by itself. A: the request may have taken effect. P: needs a person.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from errors import InvalidData, LuthierError, NotConfigured, Refused, Unavailable, from_failure
from providers.hosted import Doubtful
from providers.openai.provider import OpenAI
from providers.patience import ONCE
from records import ChatOptions, Dataset, Message, Recipe
from tests.providers.conftest import LABEL, pair
from tests.vendors.openai_vendor import OpenAIVendor

JOBS = "/fine_tuning/jobs$"
ONE = "/fine_tuning/jobs/"
Make = Callable[..., OpenAI]
MakeDataset = Callable[..., Dataset]
Fault = dict[str, Any]


def body(
    code: str | None, message: str = "No.", kind: str = "invalid_request_error", param: str | None = None
) -> Any:
    return {"error": {"code": code, "message": message, "type": kind, "param": param}}


def statuses(*numbers: int) -> list[Fault]:
    return [{"status": number} for number in numbers]


def started(provider: OpenAI, dataset: MakeDataset, recipe: Recipe) -> str:
    made = dataset()
    return provider.start(made, provider.plan(made, recipe), LABEL)


def refusal_of(provider: OpenAI, dataset: MakeDataset, recipe: Recipe) -> LuthierError:
    with pytest.raises(LuthierError) as raised:
        started(provider, dataset, recipe)
    return raised.value


def finished(provider: OpenAI, remote_id: str) -> str:
    for _ in range(20):
        status = provider.poll(remote_id).status
        if status in ("succeeded", "failed", "cancelled"):
            return status
    raise AssertionError("the job did not end")


# T: refused connection, DNS, TLS set-up. Nothing was sent


@pytest.fixture(params=["refused", "no such host", "no TLS"])
def nowhere(request: pytest.FixtureRequest, vendor: OpenAIVendor) -> str:
    return {
        "refused": "http://127.0.0.1:9/v1",
        "no such host": "http://nowhere.invalid/v1",
        "no TLS": vendor.url.replace("http:", "https:") + "/v1",
    }[request.param]


def test_a_question_that_reaches_nobody_is_asked_again(make: Make, waits: list[float], nowhere: str) -> None:
    with pytest.raises(Unavailable):
        make(base_url=nowhere).find(LABEL)
    assert len(waits) == 4


def test_a_create_that_reaches_nobody_is_handed_on_and_not_searched_after(
    make: Make, waits: list[float], nowhere: str
) -> None:
    request = {"model": "gpt-4.1-mini-2025-04-14", "training_file": "file-1"}
    with pytest.raises(Unavailable):
        make(base_url=nowhere).jobs.create_once(LABEL, request)
    assert waits == []


# A: cut or timed out after sending a create; 409, 500, 502, 503, 504 at create


DOUBTFUL: list[Fault] = [*statuses(408, 409, 500, 502, 503, 504), {"cut": True}]


@pytest.mark.parametrize("fault", DOUBTFUL)
def test_a_create_of_unknown_outcome_is_looked_up_and_adopted(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, fault: Fault
) -> None:
    vendor.fault("POST", JOBS, when="after", **fault)
    job = started(provider, dataset, recipe)
    assert (list(vendor.jobs), vendor.count("POST", JOBS)) == ([job], 1)


def test_a_create_whose_answer_breaks_off_is_adopted(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.fault("POST", JOBS, truncate=True)
    job = started(provider, dataset, recipe)
    assert (list(vendor.jobs), vendor.count("POST", JOBS)) == ([job], 1)


def test_a_create_that_times_out_is_adopted(
    make: Make, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.fault("POST", JOBS, delay=0.8, when="after")
    job = started(make(timeout=0.3), dataset, recipe)
    assert (list(vendor.jobs), vendor.count("POST", JOBS)) == ([job], 1)


@pytest.mark.parametrize("fault", DOUBTFUL)
def test_a_create_that_took_no_effect_is_handed_on_and_made_by_the_next_start(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, fault: Fault
) -> None:
    vendor.fault("POST", JOBS, **fault)
    assert isinstance(refusal_of(provider, dataset, recipe), Unavailable)
    assert vendor.count("POST", JOBS) == 1
    started(provider, dataset, recipe)
    assert (len(vendor.jobs), vendor.count("POST", "/files$")) == (1, 1)


# T: any failed GET or poll


PASSING: list[Fault] = [
    *statuses(408, 409, 429, 500, 502, 503, 504),
    {"cut": True},
    {"truncate": True},
    {"status": 200, "body": b"{'no json"},
]


@pytest.mark.parametrize("fault", PASSING)
def test_a_question_is_asked_again_with_growing_waits(
    provider: OpenAI,
    vendor: OpenAIVendor,
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
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    vendor.fault("GET", ONE, times=5, status=502)
    with pytest.raises(Unavailable):
        provider.poll(job)
    assert finished(provider, job) == "succeeded"


# T: rate limit; a Retry-After above 120 s; the daily limit of jobs


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "slow_down"])
def test_a_rate_limit_at_create_is_passing_and_not_searched_after(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, code: str
) -> None:
    vendor.fault("POST", JOBS, status=429, body=body(code), headers={"retry-after": "7"})
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 7
    assert vendor.log[-1].method == "POST"


@pytest.mark.parametrize("headers", [{"retry-after-ms": "1500"}, {"retry-after": "1.5"}])
def test_a_short_retry_after_is_waited_for(
    provider: OpenAI, vendor: OpenAIVendor, waits: list[float], headers: dict[str, str]
) -> None:
    vendor.fault("GET", JOBS, status=429, headers=headers)
    assert provider.find(LABEL) is None
    assert waits == [1.5]


def test_a_long_retry_after_is_handed_on(provider: OpenAI, vendor: OpenAIVendor, waits: list[float]) -> None:
    vendor.fault("GET", JOBS, status=503, headers={"retry-after": "121"})
    with pytest.raises(Unavailable) as raised:
        provider.find(LABEL)
    assert (raised.value.retry_after, waits) == (121, [])


def test_the_daily_limit_waits_for_hours(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, waits: list[float]
) -> None:
    limit = body("daily_rate_limit_exceeded", "You reached the daily limit of 8 jobs")
    vendor.fault("POST", JOBS, status=429, body=limit, headers={"retry-after": "1"})
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 4 * 3600
    assert waits == []


# P: quota and billing


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_quota", "insufficient_quota"),
        ("credit_balance_exhausted", "insufficient_quota"),
        ("billing_hard_limit_reached", "invalid_request_error"),
        (None, "insufficient_quota"),
    ],
)
def test_an_empty_purse_is_final_and_points_at_the_billing(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, code: str | None, kind: str
) -> None:
    vendor.fault("POST", JOBS, status=429, body=body(code, "You exceeded your quota", kind))
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, Refused)
    assert "billing" in error.hint
    assert vendor.count("POST", JOBS) == 1


# P: bad request, file, model; not entitled


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_bad_request_shows_the_message_and_the_parameter(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, status: int
) -> None:
    vendor.fault("POST", "/files$", status=status, body=body("bad", "Purpose is wrong", param="purpose"))
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, Refused)
    assert "Purpose is wrong." in error.message
    assert "purpose" in error.hint


def test_a_file_that_is_rejected_at_create_is_a_fault_of_the_data(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    rejected = body("invalid_file", "Line 4 is no JSON", param="training_file")
    vendor.fault("POST", JOBS, status=400, body=rejected)
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, InvalidData)
    assert "Line 4" in error.message


def test_a_file_that_is_deleted_at_openai_before_the_order_is_sent_again(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    """It used to be called a fault of the data, which `luthier jobs retry` leaves to a person."""
    made = dataset()
    with pytest.raises(Unavailable, match="no longer has the training file") as raised:
        provider.order(made, recipe.but(epochs=1), LABEL, buying=vendor.files.clear)
    assert not isinstance(raised.value, Doubtful)
    assert provider.start(made, recipe.but(epochs=1), LABEL) in vendor.jobs
    assert vendor.count("POST", "/files$") == 2


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, None, "Fine-tuning is not available for your organization"),
        (403, "unsupported_country_region_territory", "Country, region, or territory not supported"),
        (400, None, "Training is closed"),
        (404, "model_not_found", "The model does not exist or you do not have access to it"),
    ],
)
def test_an_organisation_that_is_shut_out_hears_so_at_once(
    provider: OpenAI,
    vendor: OpenAIVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    status: int,
    code: str | None,
    message: str,
) -> None:
    vendor.fault("POST", JOBS, status=status, body=body(code, message))
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, Refused)
    assert message in error.message
    assert "closed fine-tuning to organisations" in error.hint
    assert vendor.count("POST", JOBS) == 1


# P: the key


def test_a_wrong_key_names_the_setting(provider: OpenAI, vendor: OpenAIVendor) -> None:
    vendor.fault("GET", JOBS, status=401, body=body("invalid_api_key", "Incorrect API key provided: sk-x"))
    with pytest.raises(NotConfigured) as raised:
        provider.find(LABEL)
    assert "OPENAI_API_KEY" in raised.value.hint
    assert "sk-x" not in str(raised.value)


def test_a_missing_key_names_the_setting(make: Make) -> None:
    with pytest.raises(NotConfigured, match="OPENAI_API_KEY"):
        make(api_key="").find(LABEL)


# a job that failed: P for file, purse and moderation, T for a fault of the server. Who tries it again, as a
# new attempt with a label of its own, is tested with the flow retry-failed


@pytest.mark.parametrize(
    ("error", "code", "transient"),
    [
        ({"code": "invalid_training_file", "message": "Line 3 is bad", "param": "training_file"},
         "invalid_data_format", False),
        ({"code": "x", "message": "Line 3 is bad", "param": "validation_file"}, "invalid_data_format", False),
        ({"code": "invalid_n_examples", "message": "5 examples", "param": "training_file"},
         "not_enough_data", False),
        ({"code": "server_error", "message": "Internal error", "param": None}, "training_failed", True),
        ({"code": "exceeded_quota", "message": "Out of credit", "param": None}, "provider_refused", False),
        ({"code": "moderation", "message": "The data breaks our usage policies", "param": "training_file"},
         "provider_refused", False),
        ({"code": "x", "message": "The model was found unsafe", "param": None}, "provider_refused", False),
        ({"code": "who_knows", "message": "Something", "param": None}, "training_failed", False),
    ],
)  # fmt: skip
def test_a_failed_job_says_why_in_one_of_our_classes(
    provider: OpenAI,
    vendor: OpenAIVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    error: dict[str, str],
    code: str,
    transient: bool,
) -> None:
    vendor.scripts.say(outcome="failed", error=error)
    job = started(provider, dataset, recipe)
    assert finished(provider, job) == "failed"
    failure = provider.poll(job).failure
    assert failure is not None
    assert (failure.code, failure.transient) == (code, transient)
    assert getattr(from_failure(failure), "transient", False) == transient
    assert error["message"] in failure.message
    assert failure.message.endswith(".")


# P: cancelled, not by us


def test_a_job_that_somebody_cancelled_at_openai_has_ended(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    job = started(provider, dataset, recipe)
    vendor.jobs[job]["status"] = "cancelled"
    progress = provider.poll(job)
    assert (progress.status, progress.message) == ("cancelled", "Cancelled at OpenAI.")


# P: the model is gone at inference


def test_a_model_that_is_gone_names_the_date_of_its_base(make: Make) -> None:
    asked = [Message(role="user", content="Hello")]
    reference = "ft:gpt-4.1-mini-2025-04-14:loopback::1"
    late = make(today=lambda: date(2027, 2, 1))
    with pytest.raises(Refused, match=r"gpt-4\.1-mini-2025-04-14 was shut down on 2027-01-14"):
        list(late.chat("gpt-4.1-mini-2025-04-14", reference, asked, ChatOptions()))
    with pytest.raises(Refused, match="does not exist"):
        list(make().chat("gpt-4.1-mini-2025-04-14", reference, asked, ChatOptions()))


# T: an upload that expired, or whose part was lost


@pytest.mark.parametrize("how", ["expired", "forgotten", "part lost"])
def test_an_upload_that_expired_or_lost_a_part_is_started_anew(
    make: Make, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, tmp_path: Any, how: str
) -> None:
    big = dataset([pair(f"Where does item {number} go?", f"shelf {number} " * 20) for number in range(40)])
    vendor.fault("POST", "/parts$", skip=2, cut=True)
    with pytest.raises(Unavailable):
        make(part_bytes=4000, home=tmp_path, patience=ONCE).start(big, recipe, LABEL)
    (upload,) = vendor.uploads.values()
    if how == "expired":
        upload["status"] = "expired"
    elif how == "forgotten":
        vendor.uploads.clear()
    else:
        upload["parts"].popitem()
    make(part_bytes=4000, home=tmp_path).start(big, recipe, LABEL)
    assert (len(vendor.files), len(vendor.jobs)) == (1, 1)
    assert vendor.count("POST", "/uploads$") == 2


def test_an_upload_whose_answer_was_lost_is_found_and_not_repeated(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.fault("POST", "/files$", status=500, when="after")
    started(provider, dataset, recipe)
    assert (vendor.count("POST", "/files$"), len(vendor.files)) == (1, 1)
