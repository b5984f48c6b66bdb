"""Answers that no service of the protocol gives: a proxy's page, a sign-in, a redirect, other JSON."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from errors import LuthierError, NotConfigured, Refused, Unavailable
from providers.hosted import Leftover
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
TEXT = {"content-type": "text/plain"}
NO_JOB: list[Any] = [b"null", [], b'"ok"', {}, {"error": {"message": "No."}}, {"id": None}, {"id": 5}]
EMPTY: list[dict[str, Any]] = [
    {"body": b"", "headers": {"content-type": ""}},
    {"body": b"ok", "headers": TEXT},
]
Make = Callable[..., Dataset]


@pytest.fixture
def start(provider: OpenAI, dataset: Make, recipe: Recipe) -> Callable[[], str]:
    made = dataset()
    return lambda: provider.start(made, provider.plan(made, recipe), LABEL)


def refusal_of(ask: Callable[[], object]) -> LuthierError:
    with pytest.raises(LuthierError) as raised:
        ask()
    return raised.value


@pytest.mark.parametrize("what", [*({"body": body} for body in NO_JOB), *EMPTY, PAGE])
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


@pytest.mark.parametrize("path", ["/models", "/files$", JOBS, ONE, "/events$"])
@pytest.mark.parametrize("what", [*EMPTY, {"body": {"data": [None, 1]}}])
def test_a_question_that_was_answered_with_nothing_is_asked_again(
    start: Callable[[], str], provider: OpenAI, vendor: OpenAIVendor, path: str, what: Any
) -> None:
    fault = vendor.fault("GET", path, status=200, **what)
    remote_id = start()
    assert provider.poll(remote_id).status == "queued"
    assert provider.events(remote_id)
    assert fault.times == 0


def test_a_deletion_may_be_answered_with_nothing(provider: OpenAI, vendor: OpenAIVendor) -> None:
    vendor.fault("DELETE", "/files/", status=200, body=b"", headers=TEXT)
    provider.remove(Leftover("file", "file-1", ""))


@pytest.mark.parametrize("moment", [10**15, "2026-11-30T12:00:00Z", {}])
def test_a_time_that_is_none_hides_nothing_else(
    start: Callable[[], str], provider: OpenAI, vendor: OpenAIVendor, moment: Any
) -> None:
    remote_id = start()
    vendor.fault("GET", ONE, merge={"status": "running", "estimated_finish": moment})
    assert provider.poll(remote_id).status == "in_progress"
    told = {"id": "e", "created_at": moment, "level": 7, "message": ["odd"], "data": {"loss": 10**400}}
    vendor.fault("GET", "/events$", status=200, body={"data": [told], "has_more": False})
    (event,) = provider.events(remote_id)
    assert (event.level, event.message, event.metrics) == ("info", "['odd']", {})


def test_half_a_character_can_be_kept(
    start: Callable[[], str], provider: OpenAI, vendor: OpenAIVendor
) -> None:
    """As of an emoji that the service cut its text in."""
    remote_id = start()
    cut = "Broke at \ud83d"
    cut_event = {"data": [{"id": "e", "message": cut}], "has_more": False}
    vendor.fault("GET", ONE, merge={"status": "failed", "error": {"message": cut}})
    vendor.fault("GET", ONE, merge={"status": cut})
    vendor.fault("GET", "/events$", status=200, body=cut_event)
    failed, unknown = provider.poll(remote_id), provider.poll(remote_id)
    for told in (failed, unknown, *provider.events(remote_id)):
        assert "Broke at \ufffd" in told.model_dump_json()


def test_a_list_that_lost_its_place_is_read_from_the_start(
    start: Callable[[], str], provider: OpenAI, vendor: OpenAIVendor
) -> None:
    remote_id = start()
    others = [vendor.copy_job(remote_id, f"job-{number}") for number in range(149)]
    vendor.fault("GET", JOBS, skip=1, status=404, body={"error": {"message": "No such cursor"}})
    vendor.fault("GET", ONE, times=-1, status=500)
    assert set(provider.poll_all([remote_id, *others])) == {remote_id, *others}


def test_a_job_that_may_not_be_seen_does_not_hide_the_others(
    start: Callable[[], str], provider: OpenAI, vendor: OpenAIVendor
) -> None:
    remote_id = start()
    foreign = "ftjob-of-another-project"
    vendor.fault("GET", foreign, times=-1, status=403, body={"error": {"message": "Not yours"}})
    assert set(provider.poll_all([foreign, remote_id])) == {remote_id}
    with pytest.raises(Refused, match="Not yours"):
        provider.poll_all([foreign])


@pytest.mark.parametrize("status", [401, 403])
def test_a_right_that_the_key_lacks_is_told_in_the_services_words(
    start: Callable[[], str], vendor: OpenAIVendor, status: int
) -> None:
    missing = "You have insufficient permissions. Missing scopes: api.files.write."
    vendor.fault("POST", "/files$", status=status, body={"error": {"message": missing}})
    error = refusal_of(start)
    assert isinstance(error, Refused)
    assert missing in error.message and "this right" in error.hint


def test_a_job_that_is_over_under_a_new_name_is_not_waited_for_until_it_is_given_up(
    provider: OpenAI, vendor: OpenAIVendor, start: Callable[[], str]
) -> None:
    remote_id = start()
    ended = {"status": "completed", "fine_tuned_model": "ft:tuned", "finished_at": 1_795_000_000}
    vendor.fault("GET", ONE, times=2, merge=ended)
    assert provider.poll(remote_id).status == "succeeded"
    assert provider.outcome(remote_id).reference == "ft:tuned"


@pytest.mark.parametrize("tokens", ["many", -4, {"sum": 7}])
def test_a_count_of_tokens_that_is_none_is_left_out(
    provider: OpenAI, vendor: OpenAIVendor, start: Callable[[], str], tokens: object
) -> None:
    """One such job would have ended the pass that asks for all of them."""
    remote_id = start()
    vendor.fault(
        "GET", JOBS, merge={"data": [{"id": remote_id, "status": "running", "trained_tokens": tokens}]}
    )
    assert provider.poll_all([remote_id])[remote_id].metrics == {}


def test_a_model_without_a_name_waits_and_odd_lists_stop_nothing(
    provider: OpenAI, vendor: OpenAIVendor, start: Callable[[], str]
) -> None:
    remote_id = start()
    vendor.fault("GET", ONE, merge={"status": "succeeded", "fine_tuned_model": {"id": "ft:tuned"}})
    assert provider.poll(remote_id).status == "in_progress"
    mine = {"metadata": {"luthier_job": LABEL}, "status": "running"}
    odd = [{**mine, "id": "b", "created_at": "today"}, {**mine, "id": "a", "created_at": 5}]
    vendor.fault("GET", JOBS, merge={"data": odd})
    assert provider.find(LABEL) in ("a", "b")
    vendor.fault("GET", "/files$", merge={"data": [{"id": "file-x", "filename": None}]})
    assert provider.orphans() == []
    vendor.fault("GET", "/models/", merge={"shutdown_date": 1_798_761_600})
    assert provider.base("gpt-4.1-mini-2025-04-14").inference_until
