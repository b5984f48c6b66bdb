"""An error is told, whatever else is broken."""

import pytest
from fastapi.templating import Jinja2Templates
from fastapi.testclient import TestClient
from jinja2 import DictLoader, Environment, StrictUndefined

from web import faults


def test_an_error_is_told_although_its_page_is_broken(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Environment(loader=DictLoader({"error.html": "{{ nothing }}"}), undefined=StrictUndefined)
    monkeypatch.setattr(faults, "templates", Jinja2Templates(env=broken))
    answer = client.get("/login/link?token=<b>")
    assert answer.status_code == 403
    assert "<h1>Not allowed</h1>" in answer.text and "This link was used already" in answer.text
