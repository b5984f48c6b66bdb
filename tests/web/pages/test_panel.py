"""The models panel in a browser: every line of a card, and every action."""

import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Locator, Page, expect

from records import Progress, now
from registry import Registry
from tests.web.pages.browser import Console, serious_faults
from tests.web.pages.shelf import Shelf, evaluation


def card(page: Page, name: str) -> Locator:
    return page.locator(".card", has=page.locator(".name", has_text=name))


def act(page: Page, name: str, action: str) -> None:
    """Choose an action of the card's menu."""
    found = card(page, name)
    found.get_by_label(f"More actions for {name}").click()
    found.locator(".menu").get_by_text(action, exact=True).click()


def test_a_finished_model_shows_all_its_facts(page: Page, shelf: Shelf) -> None:
    model = shelf.model("Ticket router")
    page.goto("/")
    found = card(page, "Ticket router")
    for text in (
        "Route support tickets of an online shop",
        "GPU",
        "smollm2-135m",
        "Succeeded",
        "Better than its base: accuracy 4% → 96% on 28 held-out examples",
        model.id,
        "Finished just now",
    ):
        expect(found).to_contain_text(text)
    assert serious_faults(page) == []


def test_a_hosted_model_shows_its_provider_and_the_day_its_base_retires(page: Page, shelf: Shelf) -> None:
    shelf.model("Blog writer", provider="openai", base_model="gpt-4.1-mini-2025-04-14")
    page.goto("/")
    expect(card(page, "Blog writer")).to_contain_text("OpenAI")
    expect(card(page, "Blog writer")).to_contain_text("14 January 2027")


def test_a_model_that_is_no_better_than_its_base_says_so(page: Page, shelf: Shelf) -> None:
    shelf.model("Weak one", evaluation=evaluation("no better"))
    page.goto("/")
    expect(card(page, "Weak one")).to_contain_text("No better than its base")


def test_a_running_job_shows_its_progress_and_becomes_a_model_by_itself(
    page: Page, shelf: Shelf, registry: Registry
) -> None:
    run = shelf.running("Returns helper")
    page.goto("/")
    found = card(page, "Returns helper")
    expect(found).to_contain_text("In progress")
    expect(found).to_contain_text("step 40 of 120 · loss 0.83 · about 3 min left")
    expect(found.locator("progress")).to_have_attribute("value", "33")
    further = Progress(
        status="in_progress",
        step=90,
        steps=120,
        metrics={"loss": 0.41},
        estimated_finish=now() + timedelta(0, 30),
    )
    registry.update_job(run.job_id or "", progress=further)
    expect(found).to_contain_text("step 90 of 120 · loss 0.41 · about 30 s left")
    assert serious_faults(page) == []


def test_only_a_panel_with_something_running_polls(page: Page, shelf: Shelf) -> None:
    shelf.model("Ticket router")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    # longer than a card that runs waits
    page.wait_for_timeout(3000)
    assert not any("/cards/" in url for url in asked)
    run = shelf.running("Returns helper")
    with page.expect_request(f"**/cards/{run.id}"):
        page.goto("/")


@pytest.mark.parametrize(
    ("code", "cause", "advice"),
    [
        ("not_enough_data", "Not enough data", "Add data, or give the same content in another file format."),
        ("provider_error", "Provider error", "Retry with the same data; it usually works."),
        ("invalid_data_format", "Invalid data format", "or a simpler structure."),
        ("something_new", "Failed", "Retry; if it stays, look at the log."),
    ],
)
def test_a_failed_job_shows_cause_and_advice(
    page: Page, shelf: Shelf, code: str, cause: str, advice: str
) -> None:
    shelf.failed("Tiny test", code, "The files gave 5 examples.")
    page.goto("/")
    note = card(page, "Tiny test").locator(".note")
    expect(note.locator("strong")).to_have_text(cause)
    expect(note).to_contain_text("The files gave 5 examples.")
    expect(note).to_contain_text("Add more rows, or another file.")
    expect(note).to_contain_text(advice)
    assert serious_faults(page) == []


def test_rename_in_place(page: Page, shelf: Shelf, registry: Registry) -> None:
    model = shelf.model("Ticket router")
    page.goto("/")
    act(page, "Ticket router", "Rename")
    page.get_by_label("Display name").fill("Support Agent – Help Docs v2")
    page.keyboard.press("Enter")
    expect(page.locator(".card .name")).to_have_text("Support Agent – Help Docs v2")
    assert registry.model(model.id).display_name == "Support Agent – Help Docs v2"


def test_a_model_s_own_page_takes_its_new_name_everywhere(page: Page, shelf: Shelf) -> None:
    model = shelf.model("Ticket router")
    page.goto(f"/models/{model.id}")
    act(page, "Ticket router", "Rename")
    page.get_by_label("Display name").fill("Router v2")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Router v2")


def test_a_job_that_is_retried_on_its_own_page_is_followed_there(page: Page, shelf: Shelf) -> None:
    run = shelf.failed("Tiny test")
    page.goto(f"/models/{run.id}")
    expect(page.locator("main .badge.failed")).to_be_visible()
    card(page, "Tiny test").get_by_role("button", name="Retry").click()
    expect(page.locator("main .note.busy")).to_contain_text("Queued")


def test_who_deletes_a_model_on_its_own_page_comes_to_the_list_and_may_undo(
    page: Page, shelf: Shelf, registry: Registry
) -> None:
    model = shelf.model("Ticket router")
    page.goto(f"/models/{model.id}")
    act(page, "Ticket router", "Delete")
    page.locator("#confirm-yes").click()
    expect(page.get_by_role("heading", name="Fine-tuned models, made to order")).to_be_visible()
    expect(page.locator("#cards")).to_contain_text("Deleted “Ticket router”.")
    page.get_by_role("button", name="Undo").click()
    expect(card(page, "Ticket router")).to_contain_text("Succeeded")


def test_a_session_that_ended_leads_to_sign_in_and_back(page: Page, shelf: Shelf, console: Console) -> None:
    shelf.model("Ticket router")
    page.goto("/")
    page.context.clear_cookies()
    page.get_by_role("button", name="Refresh").first.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.url.endswith("/login?next=%2F")
    console.forget("401")


def test_escape_leaves_the_name_as_it_was(page: Page, shelf: Shelf) -> None:
    shelf.model("Ticket router")
    page.goto("/")
    act(page, "Ticket router", "Rename")
    page.get_by_label("Display name").press("Escape")
    expect(page.get_by_label("Display name")).to_be_hidden()
    expect(page.locator(".card .name")).to_be_visible()


def test_a_name_that_cannot_be_is_refused_in_words(page: Page, shelf: Shelf, console: Console) -> None:
    shelf.model("Ticket router")
    page.goto("/")
    act(page, "Ticket router", "Rename")
    page.get_by_label("Display name").fill("   ")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("A model's name has 1 to 100 printable characters.")
    console.forget("422")


def test_delete_asks_first_and_can_be_undone(page: Page, shelf: Shelf, registry: Registry) -> None:
    shelf.model("Ticket router")
    page.goto("/")
    act(page, "Ticket router", "Delete")
    dialog = page.locator("#confirm")
    expect(dialog).to_contain_text("Delete Ticket router?")
    assert serious_faults(page) == []
    dialog.get_by_text("Keep it").click()
    expect(card(page, "Ticket router")).to_contain_text("Succeeded")

    act(page, "Ticket router", "Delete")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted “Ticket router”.")).to_be_visible()
    assert registry.models_counted("owner", premium=False) == 0
    page.get_by_role("button", name="Undo").click()
    expect(card(page, "Ticket router")).to_contain_text("Succeeded")
    assert registry.models_counted("owner", premium=False) == 1


def test_retry_starts_a_failed_job_again(page: Page, shelf: Shelf, registry: Registry) -> None:
    run = shelf.failed("Tiny test", "provider_error")
    page.goto("/")
    card(page, "Tiny test").get_by_role("button", name="Retry").click()
    expect(card(page, "Tiny test")).to_contain_text("Queued")
    assert registry.run(run.id).status == "queued"


def test_cancel_asks_first_and_leaves_a_job_that_can_be_retried(page: Page, shelf: Shelf) -> None:
    shelf.run("Waiting one")
    page.goto("/")
    card(page, "Waiting one").get_by_role("button", name="Cancel", exact=True).last.click()
    page.locator("#confirm").get_by_role("button", name="Cancel the job").click()
    expect(card(page, "Waiting one")).to_contain_text("Cancelled")
    expect(card(page, "Waiting one").get_by_role("button", name="Retry")).to_be_visible()


def test_the_adapter_is_downloaded_as_a_zip(
    page: Page, shelf: Shelf, registry: Registry, tmp_path: Path
) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}", "utf-8")
    uri = registry.publish(folder, "ticket-router", {"model": "x"}).uri
    shelf.model("Ticket router", artifact=uri)
    page.goto("/")
    with page.expect_download() as download:
        act(page, "Ticket router", "Download adapter")
    assert download.value.suggested_filename == "Ticket-router.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert "adapter_config.json" in archive.namelist()


def test_a_download_that_was_interrupted_goes_on(
    client: TestClient, shelf: Shelf, registry: Registry, tmp_path: Path
) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}", "utf-8")
    uri = registry.publish(folder, "ticket-router", {"model": "x"}).uri
    address = f"/models/{shelf.model('Ticket router', artifact=uri).id}/adapter.zip"
    whole = client.get(address)
    rest = client.get(address, headers={"Range": "bytes=100-", "If-Range": whole.headers["etag"]})
    assert rest.status_code == 206
    assert whole.content[:100] + rest.content == whole.content
    assert rest.headers["last-modified"] == whole.headers["last-modified"]


def test_a_model_that_stays_with_its_provider_offers_no_download(page: Page, shelf: Shelf) -> None:
    shelf.model("Blog writer", provider="openai", base_model="gpt-4.1-mini-2025-04-14")
    page.goto("/")
    page.get_by_label("More actions for Blog writer").click()
    expect(page.get_by_text("Compare with base")).to_be_visible()
    expect(page.get_by_text("Download adapter")).to_have_count(0)


def test_refresh_checks_and_redraws_the_list(page: Page, shelf: Shelf) -> None:
    page.goto("/")
    expect(page.get_by_text("No models yet")).to_be_visible()
    assert serious_faults(page) == []
    shelf.model("Made elsewhere")
    page.get_by_role("button", name="Refresh", exact=True).click()
    expect(card(page, "Made elsewhere")).to_be_visible()
    expect(page.locator("#toast")).to_contain_text("Status checked.")


def test_search_and_filters_narrow_the_list_as_one_types(page: Page, shelf: Shelf) -> None:
    shelf.model("Ticket router")
    shelf.model(
        "Blog writer", provider="openai", base_model="gpt-4.1-mini-2025-04-14", description="Write posts"
    )
    shelf.failed("Tiny test")
    page.goto("/")
    expect(page.locator(".card")).to_have_count(3)
    page.get_by_label("Search models").press_sequentially("posts writ")
    expect(page.locator(".card")).to_have_count(1)
    expect(card(page, "Blog writer")).to_be_visible()
    page.get_by_label("Search models").fill("")
    page.get_by_label("Status").select_option("failed")
    expect(page.locator(".card .name")).to_have_text(["Tiny test"])
    page.get_by_label("Status").select_option("")
    page.get_by_label("Provider").select_option("openai")
    expect(page.locator(".card .name")).to_have_text(["Blog writer"])
    page.get_by_label("Search models").fill("nothing has this name")
    expect(page.get_by_text("No model fits this search.")).to_be_visible()


def test_a_long_list_comes_in_pages(page: Page, shelf: Shelf) -> None:
    for number in range(45):
        shelf.failed(f"Number {number}")
    page.goto("/")
    expect(page.locator(".card")).to_have_count(40)
    page.get_by_role("button", name="Show more (5 left)").click()
    expect(page.locator(".card")).to_have_count(45)
    expect(page.locator("#more")).to_have_count(0)


def test_the_menu_opens_and_closes_by_keyboard(page: Page, shelf: Shelf) -> None:
    shelf.model("Ticket router")
    page.goto("/")
    summary = page.get_by_label("More actions for Ticket router")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Rename")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Rename")).to_be_hidden()
    expect(summary).to_be_focused()


def test_the_model_id_is_copied(page: Page, shelf: Shelf) -> None:
    model = shelf.model("Ticket router")
    page.goto("/")
    page.get_by_label("Copy the model id").click()
    assert page.evaluate("navigator.clipboard.readText()") == model.id


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes_can_be_read(page: Page, shelf: Shelf, scheme: str) -> None:
    shelf.model("Ticket router", evaluation=evaluation("worse"))
    shelf.running("Returns helper")
    shelf.failed("Tiny test")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto("/")
    assert serious_faults(page) == []
