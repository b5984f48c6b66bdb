"""Script in every text field comes out as text; what is another account's isn't there."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from errors import NotFound
from records import Failure
from registry import Registry
from registry.accounts import OWNER
from tests.web.pages.shelf import Shelf, evaluation
from web.pages.markdown import html_of

EVIL = "</textarea><script>alert(1)</script>'\"><img src=x onerror=alert(1)>"


def assert_harmless(text: str) -> None:
    assert "<script>alert" not in text
    assert "<img" not in text
    unquoted = re.sub(r'"[^"]*"', '""', text)
    assert not re.search(r"<[^>]+\son\w+=", unquoted)


@pytest.fixture
def evil_model(shelf: Shelf, registry: Registry) -> str:
    dataset = shelf.dataset(use_case=EVIL, text=EVIL)
    found = evaluation()
    answer = found.samples[0].but(prompt=EVIL, expected=EVIL, base=EVIL, tuned=EVIL)
    evil = found.but(summary=EVIL, samples=(answer,), confusion={EVIL: {EVIL: 1, "x": 2}})
    model = shelf.model("Fine", dataset, evaluation=evil)
    registry.add_model(model.but(description=EVIL))
    registry.rename_model(model.id, EVIL[:100])
    return model.id


def test_script_in_names_descriptions_and_data_is_text(
    client: TestClient, shelf: Shelf, evil_model: str, registry: Registry
) -> None:
    shelf.failed(EVIL[:100], message=EVIL)
    started = registry.start_conversation(OWNER, evil_model, EVIL)
    registry.add_turn(OWNER, started.id, "user", EVIL)
    registry.add_turn(OWNER, started.id, "assistant", EVIL, EVIL)
    registry.create_key(OWNER, EVIL[:90])
    registry.add_account(EVIL[:90], password="a few words")
    run = shelf.run(EVIL[:100], flow="prepare_dataset", status="succeeded", use_case=EVIL)
    registry.update_run(run.id, dataset_id=registry.model(evil_model).dataset_id)
    broken = shelf.run("x", flow="prepare_dataset", status="failed", use_case=EVIL)
    registry.update_run(broken.id, failure=Failure(code="x", message=EVIL, hint=EVIL))
    for path in (
        "/",
        "/cards",
        "/new",
        "/profile",
        f"/models/{evil_model}",
        f"/models/{evil_model}/events",
        f"/models/{evil_model}/examples",
        f"/chat/{evil_model}?conversation={started.id}",
        f"/new/{run.id}",
        f"/new/{broken.id}",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "alert(1)" in answer.text or path == f"/models/{evil_model}/events"
        assert_harmless(answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "/?q={}",
        "/cards?q={}",
        "/cards?q=x&status={}",
        "/models/{}",
        "/chat/{}",
        "/new/{}",
        "/login?next={}",
        "/nowhere/{}",
    ],
)
def test_script_in_an_address_is_text(client: TestClient, path: str) -> None:
    answer = client.get(path.format("%3Cscript%3Ealert(1)%3C/script%3E"))
    assert answer.status_code < 500
    assert_harmless(answer.text)


def test_script_in_a_file_name_is_text(client: TestClient) -> None:
    sent = {"file": ("<script>alert(1)</script>.csv", b"a,b\n1,2\n")}
    answer = client.post("/new/files", files=sent, headers={"x-fragment": "1"})
    assert answer.status_code == 200
    assert_harmless(answer.text)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\boot.ini", "/etc/cron.d/x", "a\x00b.csv", ".."]
)
def test_a_path_in_a_file_name_stays_in_its_folder(client: TestClient, registry: Registry, name: str) -> None:
    answer = client.post("/new/files", files={"file": (name, b"text")})
    assert answer.status_code in (200, 400)
    for upload in registry.uploads(OWNER):
        folder = registry.home / "uploads" / upload.id
        assert Path(upload.path).resolve().parent == folder.resolve()


@pytest.mark.parametrize("path", ["../app.py", "..%2fapp.py", "site.css/../../app.py", "%2e%2e/app.py"])
def test_a_path_in_a_static_address_leads_nowhere(client: TestClient, path: str) -> None:
    answer = client.get(f"/static/x/{path}")
    assert answer.status_code == 404


def test_no_page_holds_inline_script_or_style_or_names_another_host(client: TestClient, shelf: Shelf) -> None:
    model = shelf.model("Ticket router")
    shelf.running()
    for path in ("/", "/new", "/profile", f"/models/{model.id}", f"/chat/{model.id}", "/login"):
        text = client.get(path).text
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)
        assert not re.search(r"<style|\sstyle=|\son\w+=", text)
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", text)


def test_the_policy_allows_nothing_from_elsewhere(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_what_is_another_account_s_is_not_there(app: FastAPI, shelf: Shelf, registry: Registry) -> None:
    model = shelf.model("Ticket router")
    run = shelf.failed("Tiny test")
    started = registry.start_conversation(OWNER, model.id, "Secret")
    registry.add_account("reader", password="a few words")
    with TestClient(app, base_url="http://127.0.0.1") as other:
        other.post("/login", data={"name": "reader", "password": "a few words"})
        assert "Ticket router" not in other.get("/").text
        for path in (
            f"/models/{model.id}",
            f"/models/{model.id}/adapter.zip",
            f"/chat/{model.id}",
            f"/cards/{run.id}",
            f"/new/{run.id}",
        ):
            assert other.get(path).status_code == 404, path
        for path in ("rename", "delete", "retry", "cancel", "refresh", "restore"):
            assert other.post(f"/cards/{run.id}/{path}", data={"name": "mine"}).status_code == 404, path
        base = f"/chat/{model.id}/conversations/{started.id}"
        assert other.post(f"{base}/delete").status_code == 404
        assert other.post("/profile/users", data={"name": "x", "password": "12345678"}).status_code == 403
        sent = {"sources": "x", "use_case": "Read files", "uris": "/etc/passwd"}
        assert other.post("/new", data=sent).status_code == 403
    assert registry.conversation(OWNER, started.id).title == "Secret"
    assert registry.run(run.id).name == "Tiny test"


def test_without_a_session_every_page_leads_to_the_sign_in(app: FastAPI, shelf: Shelf) -> None:
    model = shelf.model("Ticket router")
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as nobody:
        for path in ("/", "/new", "/profile", f"/models/{model.id}", f"/chat/{model.id}", "/cards"):
            answer = nobody.get(path)
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/login")


def test_a_deleted_conversation_is_gone_for_good_once_it_is_purged(registry: Registry) -> None:
    started = registry.start_conversation(OWNER, "model-x", "Hello")
    registry.delete_conversation(OWNER, started.id)
    assert registry.purge_conversations(timedelta(0)) == 1
    with pytest.raises(NotFound):
        registry.restore_conversation(OWNER, started.id)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**a** `b`", "<p><strong>a</strong> <code>b</code></p>"),
        ("<b onclick=x>a</b>", "<p>&lt;b onclick=x&gt;a&lt;/b&gt;</p>"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("![a](https://example.org/x.png)", "<p></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
    ],
)
def test_markdown_becomes_harmless_html(markdown: str, expected: str) -> None:
    assert html_of(markdown).strip() == expected


def test_links_in_answers_open_elsewhere_and_tell_nothing() -> None:
    made = html_of("[a](https://example.org)")
    assert 'rel="noopener noreferrer nofollow"' in made
    assert 'target="_blank"' in made
