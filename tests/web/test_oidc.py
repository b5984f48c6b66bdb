"""Sign-in by OpenID Connect against an issuer on loopback: real keys, real tokens, and tampered ones."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey

from web.app import create_app

CLIENT = "luthier"


class Issuer:
    """Knows one person. `claims` and `key` can be changed to make its tokens wrong."""

    def __init__(self) -> None:
        self.key = self.published = RSAKey.generate_key(2048, {"kid": "first"})
        self.claims: dict = {}
        self.nonce = self.challenge = ""
        self.asked: list[dict] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(issuer.get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self.answer(issuer.token({name: values[0] for name, values in parse_qs(body).items()}))

            def answer(self, what: dict) -> None:
                data = json.dumps(what).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def get(self, path: str) -> dict:
        if path.endswith("/openid-configuration"):
            names = ("authorization", "token")
            return {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                **{f"{name}_endpoint": f"{self.url}/{name}" for name in names},
            }
        return {"keys": [self.published.as_dict(private=False)]}

    def token(self, asked: dict) -> dict:
        self.asked.append(asked)
        moment = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "person-7",
            "iat": moment,
            "exp": moment + 300,
            "nonce": self.nonce,
            "email": "robin@example.org",
            "email_verified": True,
            "name": "Robin",
            **self.claims,
        }
        token = jwt.encode({"alg": "RS256", "kid": "first"}, claims, self.key)
        return {"access_token": secrets.token_hex(8), "token_type": "Bearer", "id_token": token}


@pytest.fixture
def issuer(monkeypatch) -> Iterator[Issuer]:
    # an issuer without TLS is for this test alone
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def site(issuer, settings):
    def make(plan: str = ""):
        changed = settings.model_copy(
            update={
                "oidc_issuer": issuer.url,
                "oidc_client_id": CLIENT,
                "oidc_client_secret": "s",
                "oidc_plan": plan,
            }
        )
        app = create_app(changed, "0.0.0.0", runs=False)
        return TestClient(app, base_url="http://models.example", follow_redirects=False), app.state.workshop

    return make


def enter(client, issuer, **query):
    """Go to the issuer and come back; returns the answer to the way back."""
    there = client.get("/login/oidc", params={"next": "/profile"})
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there.headers["location"]).query).items()}
    issuer.nonce = asked["nonce"]
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://models.example/login/oidc/back"
    return client.get("/login/oidc/back", params={"code": "abc", "state": asked["state"], **query})


def test_a_person_with_an_account_of_that_address_is_let_in(site, issuer):
    client, shop = site()
    robin = shop.registry.add_account("Robin", email="robin@example.org")
    answer = enter(client, issuer)
    assert (answer.status_code, answer.headers["location"]) == (303, "/profile")
    assert client.get("/login").status_code == 303
    assert "code_verifier" in issuer.asked[0]
    assert shop.registry.account_by_subject(f"{issuer.url} person-7").id == robin.id


def test_the_person_is_known_again_by_subject_when_the_address_changes(site, issuer):
    client, shop = site()
    shop.registry.add_account("Robin", email="robin@example.org")
    enter(client, issuer)
    issuer.claims = {"email": "new@example.org"}
    assert enter(client, issuer).status_code == 303


def test_strangers_get_an_account_only_where_a_plan_is_set(site, issuer):
    client, shop = site()
    assert enter(client, issuer).status_code == 403
    assert [account.name for account in shop.registry.accounts()] == []
    client, shop = site("small")
    assert enter(client, issuer).status_code == 303
    made = shop.registry.account_by_email("robin@example.org")
    assert (made.plan, made.owner) == ("small", False)


def test_a_disabled_account_stays_out(site, issuer):
    client, shop = site("small")
    robin = shop.registry.add_account("Robin", email="robin@example.org")
    shop.registry.change_account(robin.id, disabled=True)
    assert enter(client, issuer).status_code == 403


def test_an_address_that_the_issuer_does_not_vouch_for_opens_nothing(site, issuer):
    client, shop = site()
    shop.registry.add_account("Robin", email="robin@example.org")
    issuer.claims = {"email_verified": False}
    assert enter(client, issuer).status_code == 403


@pytest.mark.parametrize(
    "claims", [{"nonce": "other"}, {"aud": "someone-else"}, {"iss": "https://evil.example"}, {"exp": 1}]
)
def test_a_token_that_was_made_for_another_purpose_is_refused(claims, site, issuer):
    client, _ = site("small")
    issuer.claims = claims
    assert enter(client, issuer).status_code == 403


def test_a_token_signed_by_another_key_is_refused(site, issuer):
    client, _ = site("small")
    issuer.key = RSAKey.generate_key(2048, {"kid": "first"})
    assert enter(client, issuer).status_code == 403


def test_a_way_back_that_began_elsewhere_is_refused(site, issuer):
    client, _ = site("small")
    assert enter(client, issuer, state="other").status_code == 403
    client.cookies.clear()
    assert client.get("/login/oidc/back", params={"code": "abc", "state": "x"}).status_code == 403
