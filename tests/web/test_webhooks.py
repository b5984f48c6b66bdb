"""OpenAI's signed webhooks, as the Standard Webhooks scheme makes them."""

import base64
import hashlib
import hmac
import json
import secrets
import time

import pytest
from fastapi.testclient import TestClient

from records import Job
from settings import Settings
from tests.hosted_jobs import add_dataset, add_job

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes, ok").decode()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"openai_webhook_secret": SECRET})


def signed(body: bytes, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    id, moment = f"wh_{secrets.token_hex(8)}", str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id}.{moment}.".encode() + body, hashlib.sha256).digest()
    proof = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": id, "webhook-timestamp": moment, "webhook-signature": proof}


def notice(job: str, kind: str = "fine_tuning.job.succeeded") -> bytes:
    event = {"id": "evt_1", "object": "event", "type": kind, "created_at": 1, "data": {"id": job}}
    return json.dumps(event).encode()


@pytest.fixture
def waiting(shop, vendor, tmp_path) -> Job:
    """A job that OpenAI has ended, which Luthier does not know yet."""
    registry = shop.registry
    dataset = add_dataset(registry, tmp_path / "shelves")
    job = add_job(registry, dataset, seed=1)
    remote_id = shop.work.runner.polling.provider("openai").start(dataset, job.recipe, job.id)
    registry.intend(job.id, "openai", job.id)
    registry.record_remote(job.id, remote_id)
    vendor.jobs[remote_id]["life"].ended = "succeeded"
    return registry.update_job(job.id, status="in_progress", remote_id=remote_id)


def send(client: TestClient, body: bytes, headers: dict[str, str]) -> int:
    return client.post("/webhooks/openai", content=body, headers=headers).status_code


def test_a_notice_has_exactly_its_job_asked_for(client, shop, vendor, waiting):
    vendor.log.clear()
    body = notice(waiting.remote_id)
    assert send(client, body, signed(body)) == 204
    job = shop.registry.job(waiting.id)
    assert job.progress.status == "succeeded" and not job.waits
    assert {seen.path for seen in vendor.log} == {f"/v1/fine_tuning/jobs/{waiting.remote_id}"}


def test_what_a_notice_says_is_not_believed_but_asked_for(client, shop, vendor, waiting):
    vendor.jobs[waiting.remote_id]["life"].ended = "running"
    body = notice(waiting.remote_id, "fine_tuning.job.failed")
    assert send(client, body, signed(body)) == 204
    assert shop.registry.job(waiting.id).waits


def test_a_copy_of_a_notice_does_nothing(client, vendor, waiting):
    vendor.jobs[waiting.remote_id]["life"].ended = "running"
    body = notice(waiting.remote_id)
    headers = signed(body)
    assert send(client, body, headers) == 204
    vendor.log.clear()
    assert [send(client, body, headers) for _ in range(3)] == [204] * 3
    assert vendor.log == []


def test_notices_of_others_jobs_and_of_other_things_are_taken_and_left(client, vendor, waiting):
    vendor.log.clear()
    for body in (notice("ftjob-somebody"), notice("batch_1", "batch.completed")):
        assert send(client, body, signed(body)) == 204
    assert vendor.log == []


OTHER = "whsec_" + base64.b64encode(b"another secret").decode()


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda body: (body, signed(body, secret=OTHER)), 401),
        (lambda body: (body + b" ", signed(body)), 401),
        (lambda body: (body, signed(body) | {"webhook-id": "wh_other"}), 401),
        (lambda body: (body, signed(body) | {"webhook-signature": "v1,"}), 401),
        (lambda body: (body, signed(body, at=time.time() - 400)), 400),
        (lambda body: (body, signed(body, at=time.time() + 400)), 400),
        (lambda body: (body, signed(body) | {"webhook-timestamp": "soon"}), 400),
        (lambda body: (body, {}), 400),
        (lambda body: (b"no json", signed(b"no json")), 400),
        (lambda body: (b"[]", signed(b"[]")), 400),
        (lambda body: (b"\xff\xfe", signed(b"\xff\xfe")), 400),
        (lambda body: (b" " * 70_000, signed(b"")), 413),
    ],
)
def test_what_openai_has_not_signed_now_is_refused(spoil, status, client, vendor, waiting):
    vendor.log.clear()
    assert send(client, *spoil(notice(waiting.remote_id))) == status
    assert vendor.log == []


def test_without_a_secret_none_is_accepted(shop, client, waiting):
    object.__setattr__(shop, "settings", shop.settings.model_copy(update={"openai_webhook_secret": ""}))
    body = notice(waiting.remote_id)
    answer = client.post("/webhooks/openai", content=body, headers=signed(body))
    assert answer.status_code == 503
    assert "LUTHIER_OPENAI_WEBHOOK_SECRET" in answer.json()["error"]["message"]
