"""Create a Custom Model in a browser: files, use case, base model, preview, and the button that starts it."""

from pathlib import Path

from playwright.sync_api import Page, expect

from records import Failure, Teacher
from registry import Registry
from registry.accounts import OWNER
from tests.web.pages.browser import Console, serious_faults
from tests.web.pages.shelf import Shelf
from web.pages.order import CLASSES

GOOD = "Support assistant for an online shop: routes each message to one label, billing, delivery or returns"

TICKETS = "text,label\nhello,greeting\n"

# a file dropped from the desktop
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  document.querySelector(".drop").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
}"""


def with_files(page: Page, folder: Path, name: str = "tickets.csv", text: str = TICKETS) -> None:
    """The form with a file and a use case in it."""
    path = folder / name
    path.write_text(text, "utf-8")
    page.goto("/new")
    page.locator("#files-picker").set_input_files(path)
    expect(page.get_by_label(f"Remove {name}")).to_be_visible()
    page.get_by_label("Use case", exact=True).fill(GOOD)


def preview(page: Page) -> None:
    page.get_by_role("button", name="Preview the data").click()
    expect(page.get_by_text("Waiting to start")).to_be_visible()


def test_files_are_picked_dropped_and_removed(page: Page, registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(TICKETS, "utf-8")
    page.goto("/new")
    page.locator("#files-picker").set_input_files(path)
    expect(page.locator("#files li")).to_contain_text(["tickets.csv"])
    page.evaluate(DROP, ["help.md", "# Help\n\nSome text."])
    expect(page.locator("#files li")).to_contain_text(["tickets.csv", "help.md"])
    assert serious_faults(page) == []
    page.get_by_label("Remove tickets.csv").click()
    expect(page.locator("#files li")).to_have_count(1)
    assert [upload.filename for upload in registry.uploads(OWNER)] == ["help.md"]


def test_files_that_cannot_be_used_are_refused_in_words(page: Page, tmp_path: Path, console: Console) -> None:
    empty, large = tmp_path / "empty.csv", tmp_path / "large.csv"
    empty.write_bytes(b"")
    large.write_bytes(b"x" * 2_100_000)
    page.goto("/new")
    page.locator("#files-picker").set_input_files([empty, large])
    told = page.locator("#files li")
    expect(told).to_contain_text(
        ["The file 'empty.csv' is empty.", "large.csv: The file is larger than 1 MiB: split it."],
        use_inner_text=True,
    )
    assert serious_faults(page) == []
    page.get_by_label("Dismiss empty.csv").click()
    expect(told).to_have_count(1)
    console.forget("Failed to load resource")


def test_a_vague_use_case_is_noticed_while_one_types(page: Page) -> None:
    page.goto("/new")
    box, hint = page.get_by_label("Use case", exact=True), page.locator("#hint")
    box.press_sequentially("make a bot")
    expect(hint).to_contain_text("Too vague yet")
    expect(hint).to_contain_text("For example")
    assert serious_faults(page) == []
    box.fill(GOOD)
    expect(hint).to_contain_text("Very good")
    expect(box).to_be_focused()


def test_base_models_say_price_time_and_retirement(page: Page) -> None:
    page.goto("/new")
    mini = page.locator(".base", has_text="gpt-4.1-mini-2025-04-14")
    expect(mini).to_contain_text("OpenAI")
    expect(mini).to_contain_text("$5.00 per million training tokens")
    expect(mini).to_contain_text("30 to 45 minutes")
    expect(mini).to_contain_text("Base retires on 14 January 2027")
    page.get_by_text("that can't be chosen now").click()
    closed = page.locator(".base", has_text="gemini-2.5-pro")
    expect(closed).to_contain_text("Premium")
    expect(closed).to_contain_text("closed to new jobs")
    expect(closed.locator("input")).to_be_disabled()
    expect(page.locator(".base", has_text="smollm2-135m").locator("input")).to_be_checked()


def test_the_preview_is_asked_for_with_all_settings(page: Page, registry: Registry, tmp_path: Path) -> None:
    with_files(page, tmp_path)
    page.get_by_text("Advanced settings").click()
    page.get_by_label("Kind of examples").select_option("classify")
    page.get_by_label("Label or answer column").fill("label")
    page.get_by_label("Epochs").fill("4")
    page.get_by_label("Learning rate").fill("0.0003")
    page.get_by_label("E-mail addresses").select_option("Drop the row")
    page.get_by_label("Card numbers", exact=True).select_option("Stop the job")
    page.get_by_label("IP addresses").select_option("Keep as it is")
    page.get_by_label("Never replaced").fill("help@shop.example\n\n*@ferry.example\n")
    page.get_by_label("Speaks as").fill(" Kim ")
    assert serious_faults(page) == []
    preview(page)
    assert serious_faults(page) == []
    (run,) = registry.runs(OWNER)
    assert run.flow == "prepare_dataset"
    assert run.use_case == GOOD
    (upload,) = registry.uploads(OWNER)
    assert run.parameters["sources"] == [upload.path]
    assert run.parameters["preparation"]["kind"] == "classify"
    assert run.parameters["preparation"]["label"] == "label"
    assert run.parameters["preparation"]["redact"] is True
    redaction = run.parameters["preparation"]["redaction"]
    assert redaction["allow"] == ["help@shop.example", "*@ferry.example"]
    assert (redaction["drop"], redaction["stop"]) == (["email"], ["card"])
    assert set(CLASSES) - set(redaction["only"]) == {"ip_address"}
    assert run.parameters["preparation"]["assistant"] == "Kim"
    assert run.parameters["recipe"]["epochs"] == 4
    assert run.parameters["recipe"]["learning_rate"] == 0.0003


def test_files_to_measure_with_are_held_out(page: Page, registry: Registry, tmp_path: Path) -> None:
    learned, measured = tmp_path / "tickets.csv", tmp_path / "measured.csv"
    for path in (learned, measured):
        path.write_text(TICKETS, "utf-8")
    page.goto("/new")
    page.get_by_text("Measure with files of their own").click()
    page.locator("#held-picker").set_input_files(measured)
    expect(page.get_by_label("Remove measured.csv")).to_be_visible()
    page.get_by_label("Use case", exact=True).fill(GOOD)
    page.get_by_role("button", name="Preview the data").click()
    expect(page.locator("#toast")).to_have_text("Add a file first.")
    page.locator("#files-picker").set_input_files(learned)
    expect(page.get_by_label("Remove tickets.csv")).to_be_visible()
    page.get_by_label("Paths or URIs to measure with").fill("s3://bucket/measured.csv")
    assert serious_faults(page) == []
    preview(page)
    (run,) = registry.runs(OWNER)
    places = {upload.filename: upload.path for upload in registry.uploads(OWNER)}
    assert run.parameters["sources"] == [places["tickets.csv"]]
    assert run.parameters["preparation"]["held"] == [places["measured.csv"], "s3://bucket/measured.csv"]


def test_a_teacher_is_named_with_its_limits(page: Page, registry: Registry, tmp_path: Path) -> None:
    with_files(page, tmp_path, "help.md", "# Help\n\nSome text.\n")
    page.get_by_text("Advanced settings").click()
    page.get_by_label("Address of its API").fill("http://127.0.0.1:8000/v1")
    page.get_by_label("Its model").fill("writer")
    page.get_by_label("Passages asked about, at most").fill("20")
    page.get_by_label("Price of a million tokens read").fill("0.15")
    page.get_by_label("… and of a million written").fill("0.6")
    preview(page)
    (run,) = registry.runs(OWNER)
    teacher = Teacher(url="http://127.0.0.1:8000/v1", model="writer", max_calls=20, price=(0.15, 0.6))
    assert run.parameters["preparation"]["teacher"] == teacher.model_dump(mode="json")


def test_a_base_that_dies_soon_is_trained_only_if_that_is_accepted(
    page: Page, registry: Registry, tmp_path: Path
) -> None:
    with_files(page, tmp_path)
    accept = page.get_by_label("Train it all the same")
    expect(accept).to_be_hidden()
    page.locator(".base", has_text="gpt-4.1-mini-2025-04-14").click()
    expect(accept).to_be_visible()
    page.get_by_role("button", name="Preview the data").click()
    assert registry.runs(OWNER) == []
    accept.check()
    assert serious_faults(page) == []
    preview(page)
    (run,) = registry.runs(OWNER)
    assert run.parameters["recipe"]["options"] == {"accept_retirement": True}


def test_a_refusal_leaves_the_form_as_it_was_filled_in(
    page: Page, registry: Registry, tmp_path: Path, console: Console
) -> None:
    with_files(page, tmp_path)
    page.get_by_text("Another base model").click()
    page.get_by_label("Hub id").fill("gpt-4.1-mini")
    page.get_by_role("button", name="Preview the data").click()
    fault = page.locator("#fault")
    expect(fault).to_contain_text("There is no base model called 'gpt-4.1-mini'.")
    expect(fault).to_contain_text("The page for a new model lists them")
    assert serious_faults(page) == []
    expect(page.locator("#files li")).to_contain_text(["tickets.csv"])
    page.get_by_label("Hub id").fill("someone/base")
    preview(page)
    (run,) = registry.runs(OWNER)
    assert run.base_model == "someone/base"
    console.forget("409")


def test_the_browser_s_way_back_keeps_the_files(page: Page, tmp_path: Path) -> None:
    with_files(page, tmp_path)
    preview(page)
    page.go_back()
    expect(page.locator("#files li")).to_contain_text(["tickets.csv"])
    expect(page.get_by_label("Use case", exact=True)).to_have_value(GOOD)


def test_going_back_from_a_preview_keeps_files_and_settings(
    page: Page, registry: Registry, tmp_path: Path
) -> None:
    with_files(page, tmp_path)
    page.get_by_text("Or name where they are").click()
    page.get_by_label("Paths or URIs, one a line").fill("/srv/tickets\ns3://bucket/more.csv")
    page.get_by_text("Advanced settings").click()
    page.get_by_label("Epochs").fill("4")
    page.get_by_label("Share held out to measure").fill("0.2")
    page.get_by_label("Phone numbers").select_option("Keep as it is")
    page.get_by_label("Its model").fill("writer")
    page.get_by_label("Address of its API").fill("http://127.0.0.1:8000/v1")
    page.get_by_text("Measure with files of their own").click()
    page.get_by_label("Paths or URIs to measure with").fill("/srv/measured.csv")
    page.get_by_text("Another base model").click()
    page.get_by_label("Hub id").fill("someone/base")
    preview(page)
    page.get_by_role("link", name="Data and use case").click()
    expect(page.locator("#files li")).to_contain_text(["tickets.csv"])
    expect(page.get_by_label("Use case", exact=True)).to_have_value(GOOD)
    expect(page.get_by_label("Paths or URIs, one a line")).to_have_value("/srv/tickets\ns3://bucket/more.csv")
    page.get_by_text("Advanced settings").click()
    preview(page)
    again, first = registry.runs(OWNER)
    assert again.parameters == first.parameters


def test_without_a_file_nothing_is_sent(page: Page, registry: Registry) -> None:
    page.goto("/new")
    page.get_by_label("Use case", exact=True).fill(GOOD)
    page.get_by_role("button", name="Preview the data").click()
    expect(page.locator("#toast")).to_have_text("Add a file first.")
    assert registry.runs(OWNER) == []


def test_the_preview_appears_by_itself_and_shows_what_would_be_learned(
    page: Page, shelf: Shelf, registry: Registry
) -> None:
    run = shelf.run("smollm2-135m", flow="prepare_dataset")
    page.goto(f"/new/{run.id}")
    expect(page.get_by_text("Waiting to start")).to_be_visible()
    dataset = shelf.dataset(text="Mail <EMAIL_1> about")
    registry.update_run(run.id, status="succeeded", dataset_id=dataset.id)
    expect(page.get_by_role("heading", name="Here is what it would learn")).to_be_visible()
    data = page.locator("#data")
    expect(data).to_contain_text("25rows read")
    expect(data).to_contain_text("not used only images, no text layer")
    expect(data).to_contain_text("2 e-mail addresses replaced")
    expect(data).to_contain_text("tickets.csv, row 99")
    expect(page.locator("#examples article")).to_have_count(10)
    expect(page.locator("#examples mark").first).to_have_text("<EMAIL_1>")
    expect(page.locator("#examples article").first).to_contain_text("tickets.csv, row")
    expect(page.get_by_text("it trains on this machine")).to_be_visible()
    assert serious_faults(page) == []


def test_training_starts_from_the_preview_under_the_name_given(
    page: Page, shelf: Shelf, registry: Registry
) -> None:
    dataset = shelf.dataset()
    run = shelf.run("smollm2-135m", flow="prepare_dataset", status="succeeded", dataset_id=dataset.id)
    page.goto(f"/new/{run.id}")
    page.get_by_label("Name of the model").fill("Router v1")
    page.get_by_role("button", name="Train this model").click()
    expect(page.get_by_role("heading", name="Router v1")).to_be_visible()
    expect(page.locator(".card", has_text="Router v1")).to_contain_text("Queued")
    started = next(one for one in registry.runs(OWNER) if one.flow == "fine_tune")
    assert (started.name, started.dataset_id) == ("Router v1", dataset.id)
    assert serious_faults(page) == []


def test_a_preparation_that_failed_says_why(page: Page, shelf: Shelf) -> None:
    failure = Failure(code="not_enough_data", message="The files gave 5 examples.", hint="Add more rows.")
    run = shelf.run("smollm2-135m", flow="prepare_dataset", status="failed", failure=failure)
    page.goto(f"/new/{run.id}")
    expect(page.locator(".note.bad")).to_contain_text("Not enough data")
    expect(page.locator(".note.bad")).to_contain_text("Add more rows.")
    expect(page.get_by_role("button", name="Train this model")).to_have_count(0)


def test_at_the_plan_s_limit_the_page_says_what_to_do(
    page: Page, shelf: Shelf, registry: Registry, console: Console
) -> None:
    registry.change_account(OWNER, plan="free")
    for number in range(3):
        shelf.model(f"Model {number}")
    page.goto("/new")
    expect(page.get_by_text("Your plan's models are used up.")).to_be_visible()
    dataset = shelf.dataset()
    run = shelf.run("smollm2-135m", flow="prepare_dataset", status="succeeded", dataset_id=dataset.id)
    page.goto(f"/new/{run.id}")
    page.get_by_role("button", name="Train this model").click()
    expect(page.get_by_text("Your plan holds 3 models, and you have 3.")).to_be_visible()
    expect(page.get_by_text("Upgrade the plan, or delete a model")).to_be_visible()
    console.forget("409")
