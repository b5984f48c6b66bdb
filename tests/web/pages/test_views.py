"""The plain functions behind the pages."""

from datetime import UTC, date, datetime, timedelta

import pytest

from providers.catalogue import Base
from records import Drop, Event, Failure, Job, Progress, Recipe, Source, TunedModel, now
from registry.runs import Entry, Run
from tests.web.pages.shelf import evaluation
from web.pages import words
from web.pages.bases import choice_of
from web.pages.cards import Card, retirement_of
from web.pages.curves import loss_curve
from web.pages.details import confusion_of, recipe_rows
from web.pages.listing import Search, fits
from web.pages.usecase import hint_for

MOMENT = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


def a_run(**fields: object) -> Run:
    given = {
        "account": "owner",
        "flow": "fine_tune",
        "name": "Router",
        "use_case": "Route tickets",
        "base_model": "smollm2-135m",
        "provider": "gpu",
        "parameters": {},
        **fields,
    }
    return Run(**given)


def a_model(**fields: object) -> TunedModel:
    given = {
        "id": "model-1",
        "display_name": "Router",
        "description": "Route tickets",
        "provider": "gpu",
        "base_model": "smollm2-135m",
        "reference": "/x",
        "job_id": "job-1",
        "dataset_id": "dataset-1",
        **fields,
    }
    return TunedModel(**given)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "just now"),
        (70, "1 minute ago"),
        (7300, "2 hours ago"),
        (90_000, "yesterday"),
        (864_000, "23 Apr"),
    ],
)
def test_a_moment_is_told_as_people_do(seconds: int, said: str) -> None:
    assert words.ago(MOMENT - timedelta(seconds=seconds), MOMENT) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-9, "almost done"),
        (32, "about 30 s left"),
        (200, "about 3 min left"),
        (7200, "about 2.0 h left"),
    ],
)
def test_time_left_is_rounded(seconds: int, said: str) -> None:
    assert words.time_left(MOMENT + timedelta(seconds=seconds), MOMENT) == said


@pytest.mark.parametrize(
    ("size", "said"), [(12, "12 B"), (4200, "4.2 kB"), (3_500_000, "3.5 MB"), (2_000_000_000, "2.0 GB")]
)
def test_sizes_have_units(size: int, said: str) -> None:
    assert words.bytes_of(size) == said


def test_a_place_is_told_without_its_folders() -> None:
    assert words.place(Source(uri="s3://bucket/in/tickets.csv", row=12)) == "tickets.csv, row 12"


def test_a_cause_is_not_named_twice() -> None:
    failure = Failure(code="not_enough_data", message="Not enough data: five examples.", hint="")
    assert words.failure_message(failure) == "Five examples."


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Choose another column with --label.", "Choose another column with “Label or answer column”."),
        (
            "Allow what is no secret (--allow), or switch it off.",
            "Allow what is no secret (“Never replaced”), or switch it off.",
        ),
        ("Give its price: --teacher-price 0.15,0.60.", "Give its price: “Price of a million tokens”."),
        ("Something about --labels and more--epochs.", "Something about --labels and more--epochs."),
    ],
)
def test_hints_for_the_terminal_are_put_in_the_page_s_terms(typed: str, shown: str) -> None:
    assert words.on_page(typed) == shown


def test_actions_fit_the_state() -> None:
    running = Card(a_run(status="in_progress"))
    failed = Card(a_run(status="failed"))
    made = Card(a_run(status="succeeded"), model=a_model(artifact="/x.zip"))
    assert running.actions == {"rename", "refresh", "cancel"}
    assert failed.actions == {"rename", "refresh", "delete", "retry"}
    assert made.actions == {"rename", "refresh", "delete", "chat", "compare", "download"}


def test_a_model_whose_base_was_shut_down_offers_no_chat() -> None:
    base = Base(id="gone", provider="openai", context=1, example_tokens=1, inference_until=date(2026, 5, 1))
    card = Card(a_run(), model=a_model(), retirement=retirement_of(base, MOMENT.date()))
    assert not card.actions & {"chat", "compare"}


def test_a_model_counts_as_succeeded_whatever_its_run_still_says() -> None:
    assert Card(a_run(status="in_progress"), model=a_model()).status == "succeeded"


def test_the_failure_of_the_job_is_shown_if_the_run_has_none() -> None:
    failure = Failure(code="provider_error", message="Away.", hint="")
    job = Job(id="job-1", name="x", provider="gpu", dataset_id="d", recipe=Recipe(), failure=failure)
    assert Card(a_run(status="failed"), job=job).failure == failure
    assert Card(a_run(status="in_progress"), job=job).failure is None


def test_figures_leave_out_what_is_not_known() -> None:
    progress = Progress(status="in_progress", step=3, steps=0, metrics={"train_loss": 1.234})
    job = Job(id="j", name="x", provider="openai", dataset_id="d", recipe=Recipe(), progress=progress)
    card = Card(a_run(status="in_progress"), job=job)
    assert card.figures == "loss 1.23"
    assert card.percent is None


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (Search("tickets ROUTE"), True),
        (Search("tickets refunds"), False),
        (Search(status="failed"), True),
        (Search(status="succeeded"), False),
        (Search(provider="openai"), False),
        (Search("smollm2", "failed", "gpu"), True),
    ],
)
def test_a_search_wants_all_its_words(search: Search, found: bool) -> None:
    assert fits(Entry(a_run(status="failed"), None, None), search) is found


def events_of(*losses: float, **more: float) -> list[Event]:
    return [Event(at=now(), level="info", message="", metrics={"loss": loss, **more}) for loss in losses]


def test_a_curve_goes_down_where_the_loss_does() -> None:
    curve = loss_curve(events_of(2.0, 1.0, 0.5))
    assert curve is not None
    heights = [float(point.split()[1]) for point in curve.train.removeprefix("M").split(" L")]
    assert heights == sorted(heights)
    assert (curve.first, curve.last, curve.unit) == (2.0, 0.5, "epoch")
    assert [tick.text for tick in curve.columns] == ["1", "2", "3"]


def test_a_long_curve_is_smoothed_over_a_faint_raw_one() -> None:
    noisy = [2 / (1 + at / 20) + (at % 2) * 0.3 for at in range(100)]
    curve = loss_curve(
        [event.but(metrics={**event.metrics, "step": at}) for at, event in enumerate(events_of(*noisy))]
    )
    assert curve is not None
    assert curve.raw and curve.raw != curve.train
    assert curve.unit == "step"


@pytest.mark.parametrize("losses", [(), (1.0,), (float("nan"), 1.0)])
def test_without_two_points_there_is_no_curve(losses: tuple[float, ...]) -> None:
    assert loss_curve(events_of(*losses)) is None


@pytest.mark.parametrize("losses", [(0.0, 0.0), (1e-5, 1e-6), (4e4, 3e4)])
def test_curves_of_any_size_fit_the_picture(losses: tuple[float, ...]) -> None:
    curve = loss_curve(events_of(*losses))
    assert curve is not None
    assert all(0 <= tick.at <= curve.height for tick in curve.rows)
    assert 1 <= len(curve.rows) <= 8


def test_a_large_confusion_table_becomes_its_worst_pairs() -> None:
    table = {f"label {at}": {f"label {at}": 5, f"label {at + 1}": at} for at in range(30)}
    found = confusion_of(evaluation().but(confusion=table))
    assert found is not None
    assert not found.small
    assert found.worst[0] == ("label 29", "label 30", 29)
    assert len(found.worst) == 20


def test_a_drop_that_repeats_another_row_names_its_file_without_folders() -> None:
    said = "1 | Where (as is/was) | billing (as /srv/up (1)/tickets (final).csv, row 3)"
    drop = Drop(source=Source(uri="a.csv"), reason="duplicate", excerpt=said)
    assert words.beginning(drop) == "1 | Where (as is/was) | billing (as tickets (final).csv, row 3)"
    assert words.beginning(drop.but(excerpt="either/or)")) == "either/or)"


def test_a_recipe_is_told_before_there_is_a_job() -> None:
    run = a_run(parameters={"recipe": Recipe(epochs=4).model_dump(mode="json")})
    assert ("Epochs", "4") in recipe_rows(Entry(run, None, None))


@pytest.mark.parametrize(
    ("text", "vague"),
    [
        ("make a bot", True),
        ("chatbot for my company please", True),
        ("asdf qwer zxcv uiop hjkl vbnm tyui ghjk lkjh", True),
        ("Route support tickets of an online shop to one of eight queues", False),
        (
            "Customer support assistant for a B2B SaaS product: answers about billing in a friendly tone",
            False,
        ),
        ("", False),
    ],
)
def test_a_use_case_is_judged_by_what_it_says(text: str, vague: bool) -> None:
    assert hint_for(text).vague is vague


def a_base(**fields: object) -> Base:
    return Base(**{"id": "b", "provider": "openai", "context": 1, "example_tokens": 1, **fields})


@pytest.mark.parametrize(
    ("base", "missing", "no_premium", "why"),
    [
        (a_base(), False, False, ""),
        (a_base(tunable_until=date(2026, 5, 1), successor="c"), False, False, "closed to new jobs; take c"),
        (a_base(premium=True), False, True, "premium: needs a paid plan"),
        (a_base(), True, False, "OPENAI_API_KEY is not set on this server"),
        (a_base(methods=()), False, False, "closed to new jobs"),
    ],
)
def test_a_base_that_cannot_be_chosen_says_why(base: Base, missing: bool, no_premium: bool, why: str) -> None:
    assert choice_of(base, MOMENT.date(), missing, no_premium).closed == why
