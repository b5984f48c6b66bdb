"""Requests made up from our own OpenAPI document: none may end in a 5xx, all errors have one shape."""

import io
from collections import Counter

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from web.v1.shapes import ErrorBody


@pytest.fixture
def api(app, client, owner, finish, shop):
    """The document, over an app that has a model, a job and a file."""
    finish(owner.account)
    shop.registry.keep_upload("owner", "tools.jsonl", io.BytesIO(b'{"text": "x"}\n'))
    return schemathesis.openapi.from_asgi("/v1/openapi.json", app, headers={"Host": "127.0.0.1"})


PATIENT = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def tried(operation, mode, headers) -> int:
    """Make requests up and send them; returns how many."""
    sent = []

    @PATIENT
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        case.headers = {**dict(case.headers or {}), **headers, "Host": "127.0.0.1"}
        answer = case.call()
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            ErrorBody.model_validate(answer.json())
        sent.append(answer.status_code)

    check()
    return len(sent)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_makes_the_server_fail(mode, api, owner):
    asked: Counter[str] = Counter()
    for found in api.get_all_operations():
        operation = found.ok()
        try:
            asked[operation.label] = tried(operation, mode, owner.headers)
        except Unsatisfiable:
            # a call without parameters has nothing that could be wrong
            assert mode == GenerationMode.NEGATIVE
    assert len(asked) >= 14
    assert sum(asked.values()) > 100


def test_the_document_names_every_call_and_the_shape_of_errors(client: TestClient):
    document = client.get("/v1/openapi.json").json()
    calls = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert calls == {
        "POST /v1/files",
        "GET /v1/files",
        "GET /v1/files/{file_id}",
        "GET /v1/files/{file_id}/content",
        "DELETE /v1/files/{file_id}",
        "POST /v1/fine_tuning/jobs",
        "GET /v1/fine_tuning/jobs",
        "GET /v1/fine_tuning/jobs/{job_id}",
        "POST /v1/fine_tuning/jobs/{job_id}/cancel",
        "POST /v1/fine_tuning/jobs/{job_id}/pause",
        "POST /v1/fine_tuning/jobs/{job_id}/resume",
        "GET /v1/fine_tuning/jobs/{job_id}/events",
        "GET /v1/fine_tuning/jobs/{job_id}/checkpoints",
        "GET /v1/models",
        "GET /v1/models/{model}",
        "DELETE /v1/models/{model}",
        "POST /v1/chat/completions",
    }
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["responses"]["429"]["content"]["application/json"]["schema"]["$ref"].endswith(
                "ErrorBody"
            )
            assert operation["security"] == [{"HTTPBearer": []}]
