import re
import stat

import pytest
from fastapi.testclient import TestClient

from settings import Settings
from web.app import create_app
from web.faults import TooManyRequests
from web.session import COOKIE, FAILURES


def test_the_printed_link_lets_the_owner_in_once(client, shop):
    link = shop.door.new_link()
    answer = client.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    assert client.get("/login").status_code == 303, "signed in already"
    assert client.get(link).headers["location"] == "/", "signed in already"
    client.cookies.clear()
    assert client.get(link).status_code == 403
    assert client.get("/login").status_code == 200


@pytest.mark.parametrize("token", ["", "x", "a" * 43])
def test_a_made_up_link_lets_nobody_in(token, client, shop):
    shop.door.new_link()
    assert client.get("/login/link", params={"token": token}).status_code == 403


def test_the_login_page_has_a_fresh_link_printed_but_does_not_show_it(client, shop, caplog):
    caplog.set_level("INFO", "luthier.door")
    page = client.get("/login")
    link = re.search(r"/login/link\?token=\S+", caplog.text)[0]
    assert link not in page.text
    client.get("/login")
    assert caplog.text.count("/login/link") == 1, "no flood in the terminal"
    assert client.get(link).status_code == 303


def test_pages_lead_to_the_login_and_back(client, shop, person):
    robin = person(password="correct horse")
    answer = client.get("/?q=a&b=c")
    assert answer.headers["location"] == "/login?next=/%3Fq%3Da%26b%3Dc"
    fields = {"name": "Robin", "password": "correct horse", "next": "/?q=a&b=c"}
    answer = client.post("/login", data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?q=a&b=c")
    assert [line.action for line in shop.registry.audit_lines(robin.account.id)] == ["sign-in"]


@pytest.mark.parametrize(
    "goal",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\t//evil.example"],
)
def test_the_login_never_leads_to_another_site(goal, client, person):
    person(password="correct horse")
    answer = client.post("/login", data={"name": "Robin", "password": "correct horse", "next": goal})
    assert answer.headers["location"] == "/"


def test_a_wrong_password_is_told_without_saying_what_was_wrong(client, person):
    person(password="correct horse")
    texts = []
    for name in ("Robin", "Nobody"):
        answer = client.post("/login", data={"name": name, "password": "wrong wrong"})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        texts.append(answer.text.replace(name, ""))
    assert texts[0] == texts[1]


def test_after_many_wrong_passwords_a_name_has_to_wait(shop, person):
    person(password="correct horse")
    for turn in range(FAILURES):
        assert shop.door.by_password("Robin", "wrong wrong", f"10.0.0.{turn}") is None
    with pytest.raises(TooManyRequests) as caught:
        shop.door.by_password("robin ", "correct horse", "10.0.1.1")
    assert 0 < caught.value.retry_after <= 300


def test_a_session_ends_with_the_password_the_account_or_a_sign_out(client, shop, person):
    robin = person(password="correct horse").account

    def enter() -> int:
        client.post("/login", data={"name": "Robin", "password": "correct horse"})
        return client.get("/login").status_code

    assert enter() == 303
    assert client.post("/logout").status_code == 303
    assert client.get("/login").status_code == 200
    assert enter() == 303
    shop.registry.set_password(robin.id, "battery staple")
    assert client.get("/login").status_code == 200
    shop.registry.set_password(robin.id, "correct horse")
    assert enter() == 303
    shop.registry.change_account(robin.id, disabled=True)
    assert client.get("/login").status_code == 200


def test_a_changed_or_foreign_cookie_is_no_session(client, shop, tmp_path):
    client.get(shop.door.new_link())
    good = client.cookies[COOKIE]
    other = create_app(Settings(home=tmp_path / "other", _env_file=None), runs=False).state.workshop.door
    forged = other.signer.dumps({"account": "owner", "epoch": 0})
    for value in (good[:-2], good.replace(".", "", 1), forged, "x", ""):
        client.cookies.clear()
        client.cookies.set(COOKIE, value)
        assert client.get("/login").status_code == 200


def test_sessions_outlive_a_restart_and_the_secret_is_private(client, shop, settings):
    client.get(shop.door.new_link())
    with TestClient(create_app(settings, runs=False), base_url="http://127.0.0.1") as again:
        again.cookies = client.cookies
        assert again.get("/login", follow_redirects=False).status_code == 303
    mode = (settings.root / "session-secret").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_behind_https_the_cookie_travels_by_https_only(settings):
    app = create_app(settings.model_copy(update={"public_url": "https://models.example"}), runs=False)
    with TestClient(app, base_url="https://models.example", follow_redirects=False) as client:
        answer = client.get(app.state.workshop.door.new_link())
        assert "Secure" in answer.headers["set-cookie"]


def test_the_ways_in_depend_on_where_it_listens_and_who_can_sign_in(settings, person):
    def methods(host: str) -> list[str]:
        return create_app(settings, host, runs=False).state.workshop.door.methods()

    assert methods("127.0.0.1") == ["link"]
    assert methods("0.0.0.0") == ["link"], "else nobody could begin"
    person(password="correct horse")
    assert methods("127.0.0.1") == ["link", "password"]
    assert methods("0.0.0.0") == ["password"]


def test_a_script_that_asks_without_a_session_is_told_so(client):
    answer = client.get("/cards", headers={"x-fragment": "1"})
    assert (answer.status_code, answer.headers["location"]) == (401, "/login")
