"""A model's own page in a browser."""

import json

import pytest
from playwright.sync_api import Page, expect

from records import now
from registry import Registry
from tests.web.pages.browser import serious_faults
from tests.web.pages.shelf import Shelf


def test_the_evaluation_has_figures_a_confusion_table_and_answers_side_by_side(
    page: Page, shelf: Shelf
) -> None:
    model = shelf.model("Ticket router")
    page.goto(f"/models/{model.id}")
    found = page.locator("#evaluation")
    expect(found).to_contain_text("The tuned model finds the right label for 27 of 28")
    expect(found.locator("tr", has_text="macro F1")).to_contain_text("2%96%")
    billing = found.locator("table.confusion tbody tr").first
    expect(billing.locator("td.right")).to_have_text("6")
    expect(billing.locator("td.wrong")).to_have_text("1")
    expect(found.locator(".duel")).to_contain_text("I am sorry to")
    expect(page.locator(".card.chosen .name")).to_have_text("Ticket router")
    assert serious_faults(page) == []


def test_data_recipe_and_examples_tell_what_it_learned_from(page: Page, shelf: Shelf) -> None:
    model = shelf.model("Ticket router")
    page.goto(f"/models/{model.id}")
    expect(page.locator("#data")).to_contain_text("20training examples")
    expect(page.locator("#recipe")).to_contain_text("LoRA rank")
    examples = page.locator("#lineage article")
    expect(examples).to_have_count(10)
    expect(examples.first).to_contain_text("tickets.csv, row 5")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#lineage")).to_contain_text("11–20")
    page.get_by_role("button", name="Next").click()
    expect(examples.first).to_contain_text("held out")
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("#lineage")).to_contain_text("11–20")
    page.get_by_placeholder("Only from this file").fill("missing.csv")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#lineage")).to_contain_text("No example of")


def test_loss_curve_and_events_come_from_the_job(page: Page, shelf: Shelf, registry: Registry) -> None:
    model = shelf.model("Ticket router")
    folder = registry.job_folder(model.job_id)
    (folder / "job.json").write_text("{}", "utf-8")
    registry.update_job(model.job_id, remote_id=model.job_id)
    losses = [2.4, 1.1, 0.6, 0.4]
    events = [
        {"at": now().isoformat(), "level": "info", "message": f"Epoch {at}", "metrics": {"loss": loss}}
        for at, loss in enumerate(losses, 1)
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(one) + "\n" for one in events), "utf-8")
    page.goto(f"/models/{model.id}")
    curve = page.locator("svg.curve")
    expect(curve).to_have_attribute("aria-label", "Training loss by epoch, from 2.400 to 0.400")
    expect(page.locator("#events")).to_contain_text("6 events")
    page.locator("#events summary").click()
    expect(page.locator("#events")).to_contain_text("Epoch 4")
    assert serious_faults(page) == []


def test_the_snippets_hold_the_model_s_id(page: Page, shelf: Shelf, address: str) -> None:
    model = shelf.model("Ticket router")
    page.goto(f"/models/{model.id}")
    expect(page.locator("#code-python")).to_contain_text(f'base_url="{address}/v1"')
    for language in ("Python", "JavaScript", "curl"):
        page.get_by_role("tab", name=language).click()
        expect(page.locator(f"#code-{language.lower()}")).to_contain_text(model.id)
    page.get_by_role("tab", name="curl").press("ArrowLeft")
    expect(page.locator("#code-javascript")).to_be_visible()
    page.locator("#code-javascript").get_by_role("button", name="Copy").click()
    assert f'model: "{model.id}"' in page.evaluate("navigator.clipboard.readText()")
    assert serious_faults(page) == []


def test_a_retiring_base_is_announced(page: Page, shelf: Shelf) -> None:
    model = shelf.model("Blog writer", provider="openai", base_model="gpt-4.1-nano-2025-04-14")
    page.goto(f"/models/{model.id}")
    expect(page.locator(".note.warn").first).to_contain_text(
        "The base model has been shut down on 23 October 2026"
    )
    expect(page.locator("main").get_by_role("link", name="Open in chat")).to_have_count(0)


def test_the_page_of_a_running_job_follows_it_to_its_end(
    page: Page, shelf: Shelf, registry: Registry
) -> None:
    run = shelf.running("Returns helper")
    page.goto(f"/models/{run.id}")
    expect(page.locator(".note.busy")).to_contain_text("step 40 of 120")
    assert serious_faults(page) == []
    registry.update_run(run.id, status="cancelled")
    expect(page.locator("main > header .badge.cancelled")).to_be_visible()


def test_the_page_of_a_queued_job_shows_data_and_events_as_soon_as_they_are_there(
    page: Page, shelf: Shelf, registry: Registry
) -> None:
    run = shelf.run("Returns helper")
    page.goto(f"/models/{run.id}")
    expect(page.locator(".note.busy")).to_contain_text("Queued")
    expect(page.locator("#data")).to_have_count(0)
    dataset = shelf.dataset()
    registry.update_run(run.id, status="validating_files", dataset_id=dataset.id)
    expect(page.locator("#data")).to_contain_text("training examples")
    job = shelf.job(dataset, status="in_progress")
    registry.update_run(run.id, status="in_progress", job_id=job.id)
    expect(page.locator("#events")).to_contain_text("The job was created.")


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_can_be_read_in_the_dark_and_on_a_telephone(
    page: Page, shelf: Shelf, registry: Registry, width: int
) -> None:
    model = shelf.model("Ticket router")
    shelf.failed("Tiny test")
    prepared = shelf.run(flow="prepare_dataset", status="succeeded", dataset_id=shelf.dataset().id)
    talk = registry.start_conversation("owner", model.id, "Hello")
    registry.add_turn("owner", talk.id, "user", "Hello")
    registry.add_turn("owner", talk.id, "assistant", "**delivery** `x`", "> I am sorry")
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark")
    for path in (
        "/",
        f"/models/{model.id}",
        f"/chat/{model.id}?conversation={talk.id}",
        "/new",
        f"/new/{prepared.id}",
        "/profile",
    ):
        page.goto(path)
        assert serious_faults(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
