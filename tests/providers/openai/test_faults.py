"""Every row of OpenAI's retry table, by the real SDK: what is passing, what final, what a person reads."""

from collections.abc import Callable
from typing import Any

import pytest

from errors import InvalidData, LuthierError, NotConfigured, Refused, Unavailable
from providers.openai.provider import OpenAI
from records import ChatOptions, Dataset, Message, Recipe
from tests.providers.conftest import LABEL
from tests.vendors.openai_vendor import OpenAIVendor

JOBS = "/fine_tuning/jobs$"
MakeDataset = Callable[..., Dataset]


def body(
    code: str | None, message: str = "No.", kind: str = "invalid_request_error", param: str | None = None
) -> Any:
    return {"error": {"code": code, "message": message, "type": kind, "param": param}}


def refusal_of(provider: OpenAI, dataset: MakeDataset, recipe: Recipe) -> LuthierError:
    with pytest.raises(LuthierError) as raised:
        provider.start(dataset(), recipe, LABEL)
    return raised.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "insufficient_quota", "insufficient_quota"),
        (429, "credit_balance_exhausted", "insufficient_quota"),
        (429, "billing_hard_limit_reached", "invalid_request_error"),
        (429, None, "insufficient_quota"),
    ],
)
def test_an_empty_purse_is_final_and_points_at_the_billing(
    provider: OpenAI,
    vendor: OpenAIVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    status: int,
    code: str | None,
    kind: str,
) -> None:
    vendor.fault("POST", JOBS, status=status, body=body(code, "You exceeded your quota", kind))
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, Refused)
    assert "billing" in error.hint
    assert vendor.count("POST", JOBS) == 1


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "slow_down"])
def test_a_rate_limit_at_create_is_passing_and_not_searched_after(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, code: str
) -> None:
    vendor.fault("POST", JOBS, status=429, body=body(code), headers={"retry-after": "7"})
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 7
    assert vendor.log[-1].method == "POST"


def test_the_daily_limit_waits_for_hours(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, waits: list[float]
) -> None:
    limit = body("daily_rate_limit_exceeded", "You reached the daily limit of 8 jobs")
    vendor.fault("POST", JOBS, status=429, body=limit, headers={"retry-after": "1"})
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 4 * 3600
    assert waits == []


def test_a_short_retry_after_is_waited_for_and_a_long_one_handed_on(
    provider: OpenAI, vendor: OpenAIVendor, waits: list[float]
) -> None:
    vendor.fault("GET", JOBS, status=429, headers={"retry-after": "1"})
    assert provider.find(LABEL) is None
    assert len(waits) == 1
    assert waits[0] >= 1
    vendor.fault("GET", JOBS, status=503, headers={"retry-after": "121"})
    with pytest.raises(Unavailable) as raised:
        provider.find(LABEL)
    assert raised.value.retry_after == 121
    assert len(waits) == 1


@pytest.mark.parametrize("headers", [{"retry-after-ms": "1500"}, {"retry-after": "1.5"}])
def test_other_ways_of_saying_how_long_are_understood(
    provider: OpenAI, vendor: OpenAIVendor, waits: list[float], headers: dict[str, str]
) -> None:
    vendor.fault("GET", JOBS, status=429, headers=headers)
    provider.find(LABEL)
    assert waits == [1.5]


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, None, "Fine-tuning is not available for your organization"),
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


def test_a_file_that_is_rejected_at_create_is_a_fault_of_the_data(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    rejected = body("invalid_file", "Line 4 is no JSON", param="training_file")
    vendor.fault("POST", JOBS, status=400, body=rejected)
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, InvalidData)
    assert "Line 4" in error.message


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_bad_request_shows_the_message_and_the_parameter(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, status: int
) -> None:
    vendor.fault("POST", "/files$", status=status, body=body("bad", "Purpose is wrong", param="purpose"))
    error = refusal_of(provider, dataset, recipe)
    assert isinstance(error, Refused)
    assert "Purpose is wrong." in error.message
    assert "purpose" in error.hint


def test_a_wrong_key_names_the_setting(provider: OpenAI, vendor: OpenAIVendor) -> None:
    vendor.fault("GET", JOBS, status=401, body=body("invalid_api_key", "Incorrect API key provided: sk-x"))
    with pytest.raises(NotConfigured) as raised:
        provider.find(LABEL)
    assert "OPENAI_API_KEY" in raised.value.hint
    assert "sk-x" not in str(raised.value)


def test_a_missing_key_names_the_setting(make: Callable[..., OpenAI]) -> None:
    with pytest.raises(NotConfigured, match="OPENAI_API_KEY"):
        make(api_key="").find(LABEL)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504])
def test_passing_faults_of_a_question_are_asked_again(
    provider: OpenAI, vendor: OpenAIVendor, waits: list[float], status: int
) -> None:
    vendor.fault("GET", JOBS, status=status, times=3)
    assert provider.find(LABEL) is None
    assert len(waits) == 3
    assert waits[0] < waits[2]


def test_a_refused_connection_is_passing(make: Callable[..., OpenAI], waits: list[float]) -> None:
    with pytest.raises(Unavailable):
        make(base_url="http://127.0.0.1:9/v1").find(LABEL)
    assert len(waits) == 4


def test_an_answer_that_is_no_json_is_passing(provider: OpenAI, vendor: OpenAIVendor) -> None:
    vendor.fault("GET", JOBS, status=200, body=b"{'no json")
    assert provider.find(LABEL) is None


def test_a_model_that_is_gone_names_the_date_of_its_base(make: Callable[..., OpenAI]) -> None:
    from datetime import date

    asked = [Message(role="user", content="Hello")]
    reference = "ft:gpt-4.1-mini-2025-04-14:loopback::1"
    late = make(today=lambda: date(2027, 2, 1))
    with pytest.raises(Refused, match=r"gpt-4\.1-mini-2025-04-14 was shut down on 2027-01-14"):
        list(late.chat("gpt-4.1-mini-2025-04-14", reference, asked, ChatOptions()))
    with pytest.raises(Refused, match="does not exist"):
        list(make().chat("gpt-4.1-mini-2025-04-14", reference, asked, ChatOptions()))


def test_an_upload_whose_answer_was_lost_is_found_and_not_repeated(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.fault("POST", "/files$", status=500, when="after")
    provider.start(dataset(), recipe, LABEL)
    assert (vendor.count("POST", "/files$"), len(vendor.files)) == (1, 1)
