"""The whole way of a person with the demo's base model: a page's form, a training, a chat, and goodbye."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.pages.browser import Console, serious_faults
from tests.web.served import ROOT, Served

pytestmark = pytest.mark.slow

ROWS = 60
TRAINING_PATIENCE = 400_000  # milliseconds, where others compute too
USE_CASE = "Route support tickets of an online shop to the queue that handles them, one queue for each ticket"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("real") / "home")
    yield made
    made.end()


@pytest.fixture
def tab(chromium: Browser, served: Served, console: Console) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    made = context.new_page()
    console.listen(made)
    made.goto(served.said["login"])
    yield made
    context.close()
    assert console.said == []


def test_a_model_is_made_talked_to_fetched_and_deleted(tab: Page, served: Served, tmp_path: Path) -> None:
    tickets = tmp_path / "tickets.csv"
    lines = (ROOT / "examples" / "tickets.csv").read_text("utf-8").splitlines(keepends=True)
    tickets.write_text("".join(lines[: ROWS + 1]), "utf-8")

    tab.get_by_role("link", name="Create a Custom Model").first.click()
    tab.locator("#files-picker").set_input_files(tickets)
    expect(tab.get_by_label("Remove tickets.csv")).to_be_visible()
    tab.get_by_label("Use case", exact=True).fill(USE_CASE)
    tab.get_by_text("Advanced settings").click()
    tab.get_by_label("Epochs").fill("1")
    tab.get_by_role("button", name="Preview the data").click()
    expect(tab.get_by_text("Ten examples")).to_be_visible(timeout=TRAINING_PATIENCE)
    assert serious_faults(tab) == []
    tab.get_by_label("Name of the model").fill("Router")
    tab.get_by_role("button", name="Train this model").click()

    tab.goto(served.said["url"])
    card = tab.locator(".card")
    expect(card.get_by_label("Training progress")).to_be_visible(timeout=TRAINING_PATIENCE)
    assert serious_faults(tab) == []
    expect(card.locator(".badge").first).to_have_text("Succeeded", timeout=TRAINING_PATIENCE)
    expect(card.locator(".verdict")).to_be_visible()

    card.get_by_label("More actions for Router").click()
    card.get_by_role("button", name="Rename").click()
    card.get_by_label("Display name").fill("Ticket router")
    card.get_by_role("button", name="Save").click()
    expect(card.locator(".name")).to_have_text("Ticket router")
    card.get_by_label("More actions for Ticket router").click()
    with tab.expect_download() as fetched:
        card.get_by_role("link", name="Download adapter").click()
    with zipfile.ZipFile(fetched.value.path()) as archive:
        assert {"adapter_config.json", "adapter_model.safetensors", "luthier.json"} <= set(archive.namelist())

    tab.goto(served.said["url"])
    card.get_by_role("link", name="Open in chat").click()
    tab.get_by_role("button", name="Settings").click()
    tab.get_by_label("Longest answer, in tokens").fill("12")
    say(tab, "My parcel never came.", 1)
    assert serious_faults(tab) == []
    tab.get_by_label("Show the base model's answer beside it").check()
    say(tab, "I was charged twice for one order.", 3)
    assert serious_faults(tab) == []

    tab.goto(served.said["url"])
    card.get_by_label("More actions for Ticket router").click()
    card.get_by_role("button", name="Delete").click()
    tab.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(card).to_contain_text("Deleted “Ticket router”.")
    card.get_by_role("button", name="Undo").click()
    expect(card.locator(".name")).to_have_text("Ticket router")
    assert serious_faults(tab) == []


def say(tab: Page, text: str, answers: int) -> None:
    """Send it and wait until there are that many answers, all of them said to the end."""
    tab.get_by_label("Message", exact=True).fill(text)
    tab.wait_for_load_state()
    tab.keyboard.press("Enter")
    found = tab.locator(".turn.assistant .answer")
    expect(found).to_have_count(answers)
    expect(tab.locator(".answer.streaming")).to_have_count(0, timeout=TRAINING_PATIENCE)
    assert all(text.strip() for text in found.all_inner_texts())
