"""Answers that no service of the protocol gives: a proxy's page, a sign-in, a redirect, other JSON."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from errors import LuthierError, NotConfigured, Refused, Unavailable
from providers.openai.provider import OpenAI
from records import Dataset, Recipe, now
from tests.providers.conftest import LABEL
from tests.vendors.openai_vendor import OpenAIVendor

JOBS = "/fine_tuning/jobs$"
ONE = "/fine_tuning/jobs/[^/]+$"
HTML = {"content-type": "text/html; charset=utf-8"}
PAGE: dict[str, Any] = {
    "body": b"<!doctype html><title>Sign in to the guest network</title>",
    "headers": HTML,
}
NO_JOB: list[Any] = [b"null", [], b'"ok"', {}, {"error": {"message": "No."}}, {"id": None}, {"id": 5}]
Make = Callable[..., Dataset]


@pytest.fixture
def start(provider: OpenAI, dataset: Make, recipe: Recipe) -> Callable[[], str]:
    made = dataset()
    return lambda: provider.start(made, provider.plan(made, recipe), LABEL)


def refusal_of(ask: Callable[[], object]) -> LuthierError:
    with pytest.raises(LuthierError) as raised:
        ask()
    return raised.value


@pytest.mark.parametrize("what", [*({"body": body} for body in NO_JOB), PAGE])
def test_a_create_that_was_answered_with_no_job_is_looked_up(
    start: Callable[[], str], vendor: OpenAIVendor, what: Any
) -> None:
    """The job is there: its answer was spoilt on the way."""
    vendor.fault("POST", JOBS, when="after", status=200, **what)
    if what is not PAGE:
        assert start() == next(iter(vendor.jobs))
    else:
        assert isinstance(refusal_of(start), NotConfigured)
        assert start() == next(iter(vendor.jobs))
    assert (len(vendor.jobs), vendor.count("POST", JOBS)) == (1, 1)


def test_a_page_in_the_place_of_the_service_names_the_address_and_the_proxy(
    start: Callable[[], str], vendor: OpenAIVendor, waits: list[float]
) -> None:
    for status in (200, 403, 404):
        vendor.fault("GET", JOBS, status=status, **PAGE)
        error = refusal_of(start)
        assert isinstance(error, NotConfigured)
        assert "a page for people" in error.message
        assert "OPENAI_BASE_URL" in error.hint
    assert waits == []


def test_a_job_under_way_outlives_pages_and_proxies(
    start: Callable[[], str], provider: OpenAI, vendor: OpenAIVendor
) -> None:
    remote_id = start()
    for status in (200, 302, 403, 404, 407, 502):
        vendor.fault("GET", ONE, status=status, **PAGE)
        assert provider.poll(remote_id).status not in ("failed", "cancelled")
    vendor.fault("GET", JOBS, status=200, body={"data": []})
    vendor.fault("GET", ONE, times=9, status=404, **PAGE)
    assert provider.poll_all([remote_id]) == {}


def test_a_404_in_plain_text_is_not_the_services_word(
    start: Callable[[], str], provider: OpenAI, vendor: OpenAIVendor
) -> None:
    remote_id = start()
    vendor.fault("GET", JOBS, status=200, body={"data": []})
    vendor.fault(
        "GET", ONE, status=404, body=b"default backend - 404", headers={"content-type": "text/plain"}
    )
    with pytest.raises(Refused, match="default backend"):
        provider.poll_all([remote_id])


def test_a_job_that_the_service_itself_does_not_know_has_failed(
    start: Callable[[], str], provider: OpenAI, vendor: OpenAIVendor
) -> None:
    remote_id = start()
    vendor.jobs.clear()
    assert provider.poll_all([remote_id])[remote_id].status == "failed"
    assert provider.poll(remote_id).status == "failed"


def test_an_order_that_is_sent_on_elsewhere_is_not_turned_into_a_question(
    start: Callable[[], str], vendor: OpenAIVendor
) -> None:
    there = "https://api.example.com/v1/fine_tuning/jobs"
    vendor.fault("POST", JOBS, status=301, body=b"", headers={"location": there})
    error = refusal_of(start)
    assert isinstance(error, NotConfigured)
    assert there in error.message


def test_a_proxy_that_wants_a_password_is_named(start: Callable[[], str], vendor: OpenAIVendor) -> None:
    vendor.fault("POST", "/files$", status=407, **PAGE)
    error = refusal_of(start)
    assert isinstance(error, NotConfigured)
    assert "HTTPS_PROXY" in error.hint


def test_payment_required_points_at_the_billing(start: Callable[[], str], vendor: OpenAIVendor) -> None:
    vendor.fault("POST", JOBS, status=402, body={"error": {"message": "Payment required"}})
    error = refusal_of(start)
    assert isinstance(error, Refused)
    assert "Add credit" in error.hint


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"detail": "Field required: model"}, "Field required: model."),
        ({"error": "model is required"}, "model is required."),
        ({"error": {"message": "bad thing", "code": 400, "type": ["x"], "param": {}}}, "bad thing."),
        ({"error": {"message": {"a": 1}, "code": ["x"]}}, "no reason (HTTP 400)"),
        (b"teapot", "teapot."),
    ],
)
def test_other_services_shapes_of_an_error_are_understood(
    start: Callable[[], str], vendor: OpenAIVendor, body: Any, said: str
) -> None:
    vendor.fault("POST", JOBS, status=400, body=body)
    error = refusal_of(start)
    assert isinstance(error, Refused)
    assert said in error.message


@pytest.mark.parametrize("headers", [{"retry-after": "9" * 14}, {"retry-after-ms": "inf"}])
def test_a_wait_of_ages_is_one_of_a_day(
    start: Callable[[], str], vendor: OpenAIVendor, headers: dict[str, str]
) -> None:
    vendor.fault("POST", JOBS, status=429, headers=headers)
    error = refusal_of(start)
    assert isinstance(error, Unavailable)
    assert now() + timedelta(seconds=error.retry_after or 0) < now() + timedelta(days=2)


def test_numbers_that_are_none_are_left_out_of_the_metrics(
    start: Callable[[], str], provider: OpenAI, vendor: OpenAIVendor
) -> None:
    remote_id = start()
    while provider.poll(remote_id).status != "succeeded":
        pass
    vendor.fault("GET", "/content$", status=200, body=b"step,train_loss,valid_loss\n1,0.5,nan\n2,inf,x\n")
    metrics = provider.outcome(remote_id).metrics
    assert metrics["train_loss"] == 0.5
    assert "valid_loss" not in metrics
