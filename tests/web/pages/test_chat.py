"""The chat page in a browser, over a vendor on loopback that repeats what it is told."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, expect

from records import TunedModel
from registry import Registry
from registry.accounts import OWNER
from tests.web.pages.browser import Console, serious_faults
from tests.web.pages.conftest import TUNED, Chatty
from tests.web.pages.shelf import Shelf

BASE = "gpt-4.1-mini-2025-04-14"
LONG = "slowly " + " ".join(f"word{number}" for number in range(240))


@pytest.fixture
def model(shelf: Shelf) -> TunedModel:
    return shelf.model("Helper", provider="openai", base_model=BASE, reference=TUNED)


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.wait_for_load_state()  # a person is slower than the page's script
    page.keyboard.press("Enter")


def settled(page: Page, text: str) -> None:
    """Wait for the last answer, as the server renders it."""
    expect(page.locator(".turn.assistant").last.locator(".answer").first).to_have_text(text)
    expect(page.locator(".answer.streaming")).to_have_count(0)


def test_open_in_chat_leads_to_a_chat_that_says_what_the_model_is(page: Page, model: TunedModel) -> None:
    page.goto("/")
    page.get_by_role("link", name="Open in chat").click()
    head = page.locator("main > header")
    expect(head).to_contain_text("Helper")
    expect(head).to_contain_text(BASE)
    expect(head).to_contain_text("Route support tickets")
    expect(page.get_by_text("Ask Helper something")).to_be_visible()
    assert serious_faults(page) == []


def test_enter_sends_and_shift_enter_breaks_the_line(page: Page, model: TunedModel) -> None:
    page.goto(f"/chat/{model.id}")
    box = page.get_by_label("Message", exact=True)
    box.press_sequentially("one")
    box.press("Shift+Enter")
    box.press_sequentially("two")
    expect(box).to_have_value("one\ntwo")
    box.press("Enter")
    expect(page.locator(".turn.user .said")).to_have_text("one\ntwo")
    expect(box).to_have_value("")
    settled(page, "You said: one two")
    assert serious_faults(page) == []


def test_what_is_said_is_saved_listed_and_resumed(page: Page, model: TunedModel, registry: Registry) -> None:
    page.goto(f"/chat/{model.id}")
    say(page, "Where is my parcel?")
    settled(page, "You said: Where is my parcel?")
    expect(page.locator("#history")).to_contain_text("Where is my parcel?")
    assert "conversation=" in page.url
    page.reload()
    settled(page, "You said: Where is my parcel?")
    say(page, "And my refund?")
    settled(page, "You said: And my refund?")
    (kept,) = registry.conversations(OWNER, model.id)
    roles = [turn.role for turn in registry.conversation(OWNER, kept.id).turns]
    assert roles == ["user", "assistant", "user", "assistant"]

    page.get_by_role("link", name="New", exact=True).click()
    expect(page.locator(".turn")).to_have_count(0)
    page.locator("#history a").click()
    expect(page.locator(".turn")).to_have_count(4)


def test_an_answer_streams_and_can_be_stopped(page: Page, model: TunedModel, registry: Registry) -> None:
    page.goto(f"/chat/{model.id}")
    say(page, LONG)
    expect(page.locator(".answer.streaming")).to_contain_text("word3")
    expect(page.locator("#history a")).to_contain_text("slowly")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.get_by_role("button", name="Regenerate")).to_be_visible()
    (kept,) = registry.conversations(OWNER, model.id)
    saved = registry.conversation(OWNER, kept.id).turns[-1].content
    assert "word3" in saved
    assert "word239" not in saved


def test_an_answer_is_saved_although_the_tab_is_closed(
    page: Page, model: TunedModel, registry: Registry
) -> None:
    page.goto(f"/chat/{model.id}")
    say(page, LONG)
    expect(page.locator(".answer.streaming")).to_contain_text("word3")
    page.goto("/")
    (kept,) = registry.conversations(OWNER, model.id)
    page.goto(f"/chat/{model.id}?conversation={kept.id}")
    expect(page.locator(".turn.assistant")).to_contain_text("You said: slowly word0 word1 word2 word3")


def test_regenerate_asks_again_in_place_of_the_last_answer(
    page: Page, model: TunedModel, registry: Registry, vendor: Chatty
) -> None:
    page.goto(f"/chat/{model.id}")
    say(page, "Hello there")
    settled(page, "You said: Hello there")
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    settled(page, "You said: Hello there")
    expect(page.locator(".turn")).to_have_count(2)
    assert vendor.count("POST", "/chat/completions") == 2
    (kept,) = registry.conversations(OWNER, model.id)
    assert len(registry.conversation(OWNER, kept.id).turns) == 2


def test_an_answer_is_copied(page: Page, model: TunedModel) -> None:
    page.goto(f"/chat/{model.id}")
    say(page, "Copy me")
    settled(page, "You said: Copy me")
    page.get_by_label("Copy the answer").click()
    expect(page.locator("#toast")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "You said: Copy me"


def test_tuned_and_base_answer_side_by_side(page: Page, model: TunedModel, registry: Registry) -> None:
    page.goto("/")
    page.get_by_label("More actions for Helper").click()
    page.get_by_role("link", name="Compare with base").click()
    say(page, "Both of you")
    expect(page.locator(".duel .answer")).to_have_text(["You said: Both of you"] * 2)
    expect(page.locator(".answer.streaming")).to_have_count(0)
    expect(page.locator(".duel")).to_contain_text("Base")
    assert serious_faults(page) == []
    (kept,) = registry.conversations(OWNER, model.id)
    answer = registry.conversation(OWNER, kept.id).turns[-1]
    assert (answer.content, answer.base_content) == ("You said: Both of you",) * 2


def test_system_message_temperature_and_length_go_along_and_stay(
    page: Page, model: TunedModel, registry: Registry
) -> None:
    page.goto(f"/chat/{model.id}")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("System message")).to_have_value(
        "Route support tickets of an online shop to the right queue; answer with one label. "
        "Labels: billing, delivery, returns, account."
    )
    page.get_by_label("System message").fill("Be brief.")
    page.get_by_label("Temperature").fill("0.7")
    page.get_by_label("Longest answer, in tokens").fill("3")
    assert serious_faults(page) == []
    say(page, "one two three")
    settled(page, "You said: one")
    expect(page.locator("#toast")).to_contain_text("cut at the length")
    (kept,) = registry.conversations(OWNER, model.id)
    assert kept.settings.system == "Be brief."
    assert (kept.settings.options.temperature, kept.settings.options.max_tokens) == (0.7, 3)
    page.reload()
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("System message")).to_have_value("Be brief.")


def test_a_conversation_is_renamed_deleted_and_brought_back(page: Page, model: TunedModel) -> None:
    page.goto(f"/chat/{model.id}")
    say(page, "First words")
    settled(page, "You said: First words")
    page.get_by_label("Rename First words").click()
    page.get_by_label("Title").fill("Parcels")
    page.keyboard.press("Enter")
    expect(page.locator("#history a")).to_have_text("Parcels")
    page.get_by_label("Delete Parcels").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()
    expect(page.locator("#history a")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#history a")).to_have_text("Parcels")


def test_a_fault_of_the_vendor_is_told_and_the_question_can_be_asked_again(
    page: Page, model: TunedModel, vendor: Chatty
) -> None:
    vendor.shutdowns.pop(TUNED)
    page.goto(f"/chat/{model.id}")
    say(page, "Hello")
    expect(page.locator("#toast")).to_contain_text("no longer offers the model")
    vendor.shutdowns[TUNED] = None
    page.get_by_role("button", name="Answer again").click()
    settled(page, "You said: Hello")


def test_a_message_that_could_not_be_sent_is_back_in_the_field(
    page: Page, model: TunedModel, registry: Registry, console: Console
) -> None:
    page.goto(f"/chat/{model.id}")
    say(page, "First")
    settled(page, "You said: First")
    page.route("**/answer", lambda route: route.abort())
    say(page, "Second")
    expect(page.locator("#toast")).to_contain_text("was not sent")
    page.set_viewport_size({"width": 375, "height": 760})
    told, field = page.locator("#toast").bounding_box(), page.locator("#composer").bounding_box()
    assert told and field and told["y"] + told["height"] < field["y"], "what is told hides what was typed"
    assert told["width"] > 300
    expect(page.get_by_label("Message", exact=True)).to_have_value("Second")
    expect(page.locator(".turn.user .said")).to_have_text(["First"])
    console.forget("ERR_FAILED")

    page.unroute("**/answer")
    page.keyboard.press("Enter")
    settled(page, "You said: Second")
    [conversation] = registry.conversations(OWNER, model.id)
    said = [turn.content for turn in registry.conversation(OWNER, conversation.id).turns]
    assert said == ["First", "You said: First", "Second", "You said: Second"]


def test_a_message_outlives_the_way_to_sign_in_and_back(
    page: Page, app: FastAPI, model: TunedModel, console: Console
) -> None:
    page.goto(f"/chat/{model.id}")
    page.context.clear_cookies()
    say(page, "Written for a quarter of an hour")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    console.forget("401")
    page.goto(app.state.workshop.door.new_link())
    page.goto(f"/chat/{model.id}")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Written for a quarter of an hour")
    page.reload()
    expect(page.get_by_label("Message", exact=True)).to_have_value("")


def test_markdown_is_rendered_and_scripts_are_not(page: Page, model: TunedModel) -> None:
    page.goto(f"/chat/{model.id}")
    say(
        page,
        "**bold** <script>window.hacked = 1</script> <img src=x onerror=window.hacked=1> [x](javascript:1)",
    )
    expect(page.locator(".answer strong")).to_have_text("bold")
    expect(page.locator(".answer")).to_contain_text("<script>")
    assert page.evaluate("window.hacked") is None
    assert page.locator(".answer img, .answer script, .answer a").count() == 0


def test_at_the_limit_a_dialog_offers_the_plans_or_to_wait(
    page: Page, model: TunedModel, registry: Registry
) -> None:
    registry.change_account(OWNER, plan="free")
    for _ in range(100):
        registry.spend_request(OWNER, 100, timedelta(hours=3))
    page.goto(f"/chat/{model.id}")
    say(page, "One more")
    dialog = page.locator("#limit")
    expect(dialog).to_contain_text("100 requests in 3 hours are used up")
    assert serious_faults(page) == []
    dialog.get_by_role("button", name="Wait").click()
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize(("kind", "sent", "longest"), [("classify", 2, "64"), ("chat", 4, "512")])
def test_a_model_of_labels_sees_each_message_alone_and_says_little(
    page: Page, shelf: Shelf, registry: Registry, vendor: Chatty, kind: str, sent: int, longest: str
) -> None:
    dataset = registry.keep_dataset(shelf.dataset().but(kind=kind))
    model = shelf.model("Helper", dataset, provider="openai", base_model=BASE, reference=TUNED)
    page.goto(f"/chat/{model.id}")
    expect(page.get_by_label("Longest answer, in tokens")).to_have_value(longest)
    for text in ("First", "Second"):
        say(page, text)
        settled(page, f"You said: {text}")
    assert len(vendor.heard[-1]) == sent
    assert vendor.heard[-1][0]["role"] == "system"


def test_a_model_that_is_not_ready_says_so(page: Page, shelf: Shelf, console: Console) -> None:
    run = shelf.running("Returns helper")
    response = page.goto(f"/chat/{run.id}")
    assert response is not None
    assert response.status == 409
    expect(page.get_by_text("'Returns helper' is not ready for a chat.")).to_be_visible()
    console.forget("409")
