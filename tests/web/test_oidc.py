"""Sign-in by OpenID Connect against a provider on loopback: real keys, real tokens, and tampered ones."""

from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey

from tests.web.issuer import CLIENT, SECRET
from web.app import create_app


@pytest.fixture
def site(issuer, settings):
    def make(plan: str = "", secret: str = SECRET):
        changed = settings.model_copy(
            update={
                "oidc_issuer": issuer.url,
                "oidc_client_id": CLIENT,
                "oidc_client_secret": secret,
                "oidc_plan": plan,
            }
        )
        app = create_app(changed, "0.0.0.0", runs=False)
        return TestClient(app, base_url="http://models.example", follow_redirects=False), app.state.workshop

    return make


def enter(client, issuer, **query):
    """Go to the issuer, agree, and come back; returns the answer to the way back."""
    there = client.get("/login/oidc", params={"next": "/profile"}).headers["location"]
    back = urlsplit(issuer.through(there))
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://models.example/login/oidc/back"
    came = {name: values[0] for name, values in parse_qs(back.query).items()}
    return client.get(back.path, params={**came, **query})


def test_a_person_with_an_account_of_that_address_is_let_in(site, issuer):
    client, shop = site()
    robin = shop.registry.add_account("Robin", email="robin@example.org")
    answer = enter(client, issuer)
    assert (answer.status_code, answer.headers["location"]) == (303, "/profile")
    assert client.get("/login").status_code == 303
    assert issuer.refusals == []
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


def test_a_code_works_once_and_only_with_the_secret_and_the_browser_it_began_in(site, issuer):
    client, _ = site("small")
    assert enter(client, issuer, code="made-up").status_code == 403
    assert enter(site("small", secret="wrong")[0], issuer).status_code == 403
    there, other = (client.get("/login/oidc").headers["location"] for _ in range(2))
    stolen = parse_qs(urlsplit(issuer.through(there)).query)["code"][0]
    state = parse_qs(urlsplit(other).query)["state"][0]
    assert client.get("/login/oidc/back", params={"code": stolen, "state": state}).status_code == 403
    assert issuer.refusals == ["unknown code", "wrong client secret", "the verifier does not fit"]


def test_a_way_back_that_began_elsewhere_is_refused(site, issuer):
    client, _ = site("small")
    assert enter(client, issuer, state="other").status_code == 403
    client.cookies.clear()
    assert client.get("/login/oidc/back", params={"code": "abc", "state": "x"}).status_code == 403
