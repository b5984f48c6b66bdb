"""Sign-in in a browser, by the organisation's provider and by password."""

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, expect

from settings import Settings
from tests.web.issuer import CLIENT, SECRET, Issuer
from tests.web.pages.browser import Console, serious_faults
from web.app import create_app


@pytest.fixture
def app(settings: Settings, issuer: Issuer) -> FastAPI:
    given = {
        "oidc_issuer": issuer.url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_plan": "large",
    }
    return create_app(settings.model_copy(update=given), "0.0.0.0", runs=False)


def test_a_person_signs_in_at_the_provider_and_out_again(
    chromium: Browser, address: str, console: Console, issuer: Issuer
) -> None:
    context = chromium.new_context(base_url=address)
    page = context.new_page()
    console.listen(page)
    page.goto("/profile")
    assert serious_faults(page) == []
    page.get_by_role("link", name="Sign in with your organisation").click()
    page.get_by_role("link", name="Continue as Robin").click()
    expect(page.get_by_role("heading", name="robin@example.org")).to_be_visible()
    assert page.url == f"{address}/profile"
    page.get_by_role("button", name="Sign out").click()
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert issuer.refusals == []
    context.close()
    assert console.said == []


def test_a_person_signs_in_by_password(
    chromium: Browser, app: FastAPI, address: str, console: Console
) -> None:
    app.state.workshop.registry.add_account("Kim", "large", "correct horse")
    context = chromium.new_context(base_url=address)
    page = context.new_page()
    console.listen(page)
    page.goto("/new")
    page.get_by_label("Name or e-mail address").fill("Kim")
    page.get_by_label("Password").fill("wrong horse")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    console.forget("401")
    assert serious_faults(page) == []
    page.get_by_label("Name or e-mail address").fill("Kim")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Create a Custom Model")).to_be_visible()
    context.close()
    assert console.said == []
