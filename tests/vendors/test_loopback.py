"""The doubles themselves: controlled over HTTP, deterministic, and held to the published descriptions."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import pytest

from tests.vendors import contract
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.life import Life, Pace
from tests.vendors.openai_vendor import OpenAIVendor

KEY = {"Authorization": "Bearer sk-x", "Content-Type": "application/json"}


@pytest.fixture
def vendor() -> Iterator[OpenAIVendor]:
    with OpenAIVendor() as made:
        yield made


def call(url: str, body: Any = None, method: str | None = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, KEY, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_faults_are_set_and_forgotten_over_http(vendor: OpenAIVendor) -> None:
    call(f"{vendor.url}/_control/faults", {"method": "GET", "path": "/models$", "status": 503, "times": 2})
    assert call(f"{vendor.url}/v1/models")[0] == 503
    call(f"{vendor.url}/_control/faults", method="DELETE")
    assert call(f"{vendor.url}/v1/models")[0] == 200
    _, log = call(f"{vendor.url}/_control/log")
    assert [(seen["status"], seen["fault"]) for seen in log] == [(503, "503 before"), (200, "")]


def test_chaos_is_the_same_for_the_same_seed() -> None:
    def statuses() -> list[int]:
        seen = []
        with OpenAIVendor() as vendor:
            call(f"{vendor.url}/_control/chaos", {"seed": 3, "rate": 0.5})
            for _ in range(20):
                try:
                    seen.append(call(f"{vendor.url}/v1/models")[0])
                except (OSError, HTTPException):
                    seen.append(0)
        return seen

    first = statuses()
    assert first == statuses()
    assert len(set(first)) > 2


def test_the_next_job_can_be_told_how_to_go(vendor: OpenAIVendor) -> None:
    call(
        f"{vendor.url}/_control/next",
        {"outcome": "failed", "error": {"code": "server_error", "message": "x"}},
    )
    assert vendor.scripts.take().outcome == "failed"
    assert vendor.scripts.take().outcome == "succeeded"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"model": "gpt-4.1-mini-2025-04-14"}, "training_file"),
        ({"model": "m", "training_file": "f", "colour": "red"}, "unknown field colour"),
        ({"model": "m", "training_file": "f", "seed": -1}, "$.seed"),
        ({"model": "m", "training_file": "f", "suffix": "s" * 65}, "$.suffix"),
        (
            {"model": "m", "training_file": "f", "method": {"type": "supervised", "supervised": {
                "hyperparameters": {"n_epochs": 99}}}},
            "$.method",
        ),
    ],
)  # fmt: skip
def test_a_request_outside_openais_description_is_refused(
    vendor: OpenAIVendor, body: Any, fault: str
) -> None:
    status, answer = call(f"{vendor.url}/v1/fine_tuning/jobs", body)
    assert status == 400
    assert fault in answer["error"]["message"]
    assert len(vendor.violations) == 1


def test_an_unknown_query_or_path_is_refused(vendor: OpenAIVendor) -> None:
    assert call(f"{vendor.url}/v1/fine_tuning/jobs?colour=red")[0] == 400
    assert call(f"{vendor.url}/v1/fine_tuning/jobs?metadata%5Bluthier_job%5D=a&limit=5")[0] == 200
    assert call(f"{vendor.url}/v1/fine_tunes")[0] == 400


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"baseModel": "gemini-3.5-flash", "colour": "red"}, "colour"),
        ({"baseModel": "gemini-3.5-flash", "labels": {"a": 1}}, "labels"),
        (
            {"baseModel": "m", "supervisedTuningSpec": {"hyperParameters": {"adapterSize": "BIG"}}},
            "adapterSize",
        ),
    ],
)
def test_a_request_outside_googles_description_is_refused(body: Any, fault: str) -> None:
    with GeminiVendor() as vendor:
        url = f"{vendor.url}/v1beta1/projects/p/locations/l/tuningJobs"
        status, answer = call(url, body)
        assert status == 400
        assert fault in answer["error"]["message"]
        assert call(f"{url}?colour=red")[0] == 400


def test_snake_case_and_numbers_for_int64_are_accepted_as_google_does() -> None:
    body = {"base_model": "m", "supervisedTuningSpec": {"hyper_parameters": {"epochCount": 3}}}
    assert (
        contract.vertex().request_faults("POST", "/v1beta1/projects/p/locations/l/tuningJobs", [], body) == []
    )


def test_a_life_goes_by_polls_or_by_the_clock() -> None:
    by_polls = Life(["a", "b", "c"], Pace(polls=2))
    assert [by_polls.look() for _ in range(6)] == ["a", "b", "b", "c", "c", "c"]
    assert Life(["a", "b"], Pace(seconds=1000)).look() == "a"
    assert Life(["a", "b"], Pace(seconds=0)).look() == "b"


def test_it_runs_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "tests.vendors", "openai", "--seconds", "5"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        name, _, url = process.stdout.readline().removeprefix("export ").strip().partition("=")
        assert name == "OPENAI_BASE_URL"
        assert call(f"{url}/models")[0] == 200
    finally:
        process.terminate()
        process.wait(10)
