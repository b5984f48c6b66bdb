"""The profile in a browser: plan, keys, password, users."""

import re

from playwright.sync_api import Page, expect

from registry import Registry
from registry.accounts import OWNER
from tests.web.pages.browser import Console, serious_faults
from tests.web.pages.shelf import Shelf


def test_the_plan_shows_what_is_used_of_it(page: Page, shelf: Shelf, registry: Registry) -> None:
    registry.change_account(OWNER, plan="free")
    shelf.model("Ticket router")
    shelf.failed("Tiny test")
    page.goto("/profile")
    plan = page.locator("#plan")
    expect(plan).to_contain_text("1 of 3")
    expect(plan.get_by_label("Models", exact=True)).to_have_attribute("value", "1")
    expect(plan).to_contain_text("Requests in 3 hours, chat and API together")
    assert serious_faults(page) == []


def test_nothing_sticks_out_on_a_phone(page: Page, registry: Registry) -> None:
    registry.create_key(OWNER, "the program that runs every night")
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto("/profile")
    page.get_by_text("All plans").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_a_key_is_shown_once_and_revoked_at_once(page: Page, registry: Registry) -> None:
    page.goto("/profile")
    page.locator("#keys").get_by_label("Name").fill("production")
    page.get_by_label("Expires, if at all").fill("2099-01-31")
    page.get_by_role("button", name="Create API key").click()
    secret = page.locator("#new-key").inner_text()
    assert registry.account_of_key(secret) is not None
    assert serious_faults(page) == []
    expect(page).to_have_url(re.compile("/profile#keys$"))
    page.reload()
    expect(page.locator("#new-key")).to_have_count(0)
    line = page.locator("#keys tbody tr")
    expect(line).to_contain_text("production")
    expect(line).to_contain_text(secret[:17])
    expect(line).to_contain_text("31 January 2099")
    page.get_by_role("button", name="Revoke").click()
    page.locator("#confirm").get_by_role("button", name="Revoke").click()
    expect(page.locator("#keys")).to_contain_text("No keys yet")
    assert registry.account_of_key(secret) is None


def test_the_owner_adds_changes_and_disables_users(page: Page, registry: Registry) -> None:
    page.goto("/profile")
    page.get_by_text("Add a user").click()
    users = page.locator("#users")
    users.get_by_label("Name").fill("reader")
    users.get_by_label("First password").fill("a few words in a row")
    assert serious_faults(page) == []
    page.get_by_role("button", name="Add", exact=True).click()
    line = users.locator("tbody tr", has_text="reader")
    line.get_by_label("Plan of reader").select_option("pro")
    line.get_by_role("button", name="Save").click()
    expect(line.get_by_label("Plan of reader")).to_have_value("pro")
    line.get_by_role("button", name="Disable").click()
    page.locator("#confirm").get_by_role("button", name="Disable").click()
    expect(line).to_contain_text("disabled")
    assert registry.account_by_password("reader", "a few words in a row") is None
    line.get_by_role("button", name="Enable").click()
    page.locator("#confirm").get_by_role("button", name="Enable").click()
    expect(line.get_by_role("button", name="Disable")).to_be_visible()


def test_a_password_is_set_and_then_lets_one_in(page: Page) -> None:
    page.goto("/profile")
    page.get_by_label("New password").fill("a few words in a row")
    page.get_by_role("button", name="Set password").click()
    expect(page.locator("#password")).to_contain_text("The password is set.")
    expect(page.get_by_label("Current password")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert serious_faults(page) == []
    page.get_by_label("Name or e-mail address").fill("owner")
    page.get_by_label("Password").fill("a few words in a row")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Fine-tuned models")).to_be_visible()


def test_a_wrong_password_is_told(page: Page, registry: Registry, console: Console) -> None:
    registry.add_account("reader", password="a few words in a row")
    page.goto("/profile")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Name or e-mail address").fill("reader")
    page.get_by_label("Password").fill("wrong words here")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    console.forget("401")
