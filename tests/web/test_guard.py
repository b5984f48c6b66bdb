import asyncio
import re

import pytest
from starlette.datastructures import Headers

from web.app import hosts
from web.guard import is_cross_site


def test_every_answer_carries_the_security_headers_and_an_id(client, owner):
    for path in ("/healthz", "/nothing", "/login", "/v1/models", "/v1/nothing", "/v1/openapi.json"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers["cache-control"] == "no-store"


def test_a_clients_own_request_id_is_kept_if_it_is_plain(client):
    for sent, kept in [("abc-123", True), ("x" * 65, False), ("a b", False), ("<b>", False)]:
        answer = client.get("/healthz", headers={"x-request-id": sent})
        assert (answer.headers["x-request-id"] == sent) is kept


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_changes_from_another_site_are_refused(method, client, shop):
    client.get(shop.door.new_link())
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
    ):
        answer = client.request(method, "/logout", headers=headers)
        assert answer.status_code == 403
        assert "another site" in answer.text


@pytest.mark.parametrize(
    ("headers", "cross"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://a.example", "host": "b.example"}, False),
        ({"origin": "http://localhost:8400", "host": "localhost:8400"}, False),
        ({"origin": "http://localhost:8401", "host": "localhost:8400"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost", "host": "localhost"}, True),
    ],
)
def test_which_changes_count_as_cross_site(headers, cross):
    assert is_cross_site("POST", Headers(headers)) is cross
    assert not is_cross_site("GET", Headers(headers))


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", ""])
def test_a_foreign_name_for_this_machine_is_refused(host, client):
    assert client.get("/healthz", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8400", "localhost", "[::1]:80"])
def test_loopback_is_answered_under_all_its_names(host, client):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_behind_a_proxy_its_name_is_known_and_on_other_addresses_every_name(settings):
    named = settings.model_copy(update={"public_url": "https://models.example"})
    assert "models.example" in hosts(named, "127.0.0.1")
    assert hosts(settings, "0.0.0.0") is None


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/fine_tuning/jobs"])
def test_an_oversized_body_is_refused_by_its_announced_length(path, client, owner):
    answer = client.post(path, headers=owner.headers, content=b"{" + b" " * (9 << 20))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_an_oversized_body_is_refused_while_it_comes_in_pieces(client, owner):
    sent = 0

    def pieces():
        nonlocal sent
        for _ in range(30):
            sent += 1
            yield b" " * (1 << 20)

    answer = client.post("/v1/chat/completions", headers=owner.headers, content=pieces())
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_who_is_unknown_sends_no_body(app, shop):
    """The answer comes before a byte of the body was asked for."""
    asked: list[str] = []
    sent: list[dict] = []

    async def receive() -> dict:
        asked.append("body")
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    async def send(message: dict) -> None:
        sent.append(message)

    for path in ("/v1/files", "/new"):
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"multipart/form-data; boundary=x")],
            "http_version": "1.1",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "root_path": "",
        }
        asyncio.run(app(scope, receive, send))
        assert sent[0]["status"] in (401, 303)
        sent.clear()
    assert asked == []


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer sk-luthier-wrong", "sk-luthier-x", "Bearer \u00e9"],
)
def test_without_a_valid_key_the_api_answers_401_in_the_envelope(header, client):
    headers = {} if header is None else {"Authorization": header.encode()}
    for path in ("/v1/models", "/v1/files", "/v1/fine_tuning/jobs", "/v1/nothing"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "authentication_error"
        assert answer.json()["error"]["code"] == "invalid_api_key"


def test_a_revoked_key_is_refused_at_once(client, owner, shop):
    assert client.get("/v1/models", headers=owner.headers).status_code == 200
    shop.registry.revoke_key("owner", shop.registry.keys("owner")[0].id)
    assert client.get("/v1/models", headers=owner.headers).status_code == 401


def test_a_session_does_not_open_the_api_and_a_key_opens_no_page(client, owner, shop):
    assert client.get("/", headers=owner.headers).status_code == 404
    client.get(shop.door.new_link())
    assert client.get("/v1/models").status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/chat/completions"),
        ("GET", "/models"),
        ("POST", "/new"),
        ("GET", "/"),
        ("POST", "/openai/deployments/x/chat/completions"),
    ],
)
def test_a_program_whose_base_url_lacks_v1_is_told_so(method, path, client, owner):
    """A redirect to the page for signing in would end as a page in place of the model's answer."""
    answer = client.request(method, path, headers=owner.headers, json={"model": "x", "messages": []})
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["code"] == "unknown_url"
    assert "base URL ends in /v1" in error["message"]


def test_a_browser_behind_a_proxy_with_tokens_still_comes_to_sign_in(client):
    headers = {"Authorization": "Bearer of-the-proxy", "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    assert client.get("/", headers=headers).headers["location"].startswith("/login")
    assert client.get("/nothing", headers=headers).headers["content-type"].startswith("text/html")


def test_head_is_answered_where_get_is(client, shop):
    """Load balancers and monitors ask so."""
    assert client.head("/healthz").status_code == 200
    assert client.head("/login").status_code == 200
    link = shop.door.new_link()
    assert client.head(link).status_code == 405
    client.get(link)
    assert client.head("/").status_code == 200
    assert client.head("/").content == b""
    assert int(client.head("/").headers["content-length"]) > 1000


def test_errors_have_one_shape_for_programs_and_a_page_for_people(client, owner):
    for method, path, status in [("GET", "/v1/nothing", 404), ("PUT", "/v1/models", 405)]:
        answer = client.request(method, path, headers=owner.headers)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    page = client.get("/nothing<script>alert(1)</script>")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "<script>alert" not in page.text
    assert re.search(r"req_[0-9a-f]{32}", page.text)


UNREADABLE = [
    (b"", "is empty"),
    (b"null", "is empty"),
    (b"{", "is not valid JSON"),
    (b"[" * 100_000, "is not valid JSON"),
    (b"[]", "is not a JSON object"),
    (b'"x"', "is not a JSON object"),
    (b"\xff\xfe", "is not valid JSON"),
    ('{"model": "é"}'.encode("latin-1"), "is not valid JSON"),
    (b'{"model": "\\ud800", "messages": []}', "half of a character"),
]


def test_a_body_that_is_no_request_is_named_so(client, owner):
    headers = {**owner.headers, "Content-Type": "application/json"}
    for body, said in UNREADABLE:
        answer = client.post("/v1/chat/completions", headers=headers, content=body)
        assert answer.status_code == 400
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        assert said in answer.json()["error"]["message"], body[:40]


def test_json_under_another_content_type_is_told_the_right_one(client, owner):
    """What `curl -d` sends where nobody sets a header."""
    headers = {**owner.headers, "Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/v1/chat/completions", headers=headers, content=b'{"model": "x"}')
    assert answer.status_code == 400
    assert "Content-Type: application/json" in answer.json()["error"]["message"]


def test_a_fault_that_nobody_foresaw_shows_no_inside(app, shop, owner, monkeypatch):
    from fastapi.testclient import TestClient

    def broken(account_id: str) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(shop.registry, "uploads", broken)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        answer = client.get("/v1/files", headers=owner.headers)
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.json()["error"]["type"] == "server_error"
    assert answer.headers["x-request-id"].startswith("req_")
    assert "content-security-policy" in answer.headers
