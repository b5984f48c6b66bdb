"""The picture of a training's course."""

from typing import Any

from records import Event, now
from tasks.curve import ROWS, training_markdown


def event(**metrics: Any) -> Event:
    return Event(at=now(), level="info", message="", metrics=metrics)


def picture(text: str) -> list[str]:
    return text.split("```")[1].strip("\n").splitlines()


def test_it_falls_as_the_loss_does_and_says_from_what_to_what() -> None:
    events = [event(step=step, loss=4 / step) for step in range(1, 201)]
    text = training_markdown([*events, event(step=200, holdout_loss=0.5), event(step=200)])
    assert text.startswith("**Loss 4.000 → 0.020**, lowest on held-out examples: 0.500.")
    *rows, floor = picture(text)
    assert len(rows) == ROWS and floor.endswith("step 200")
    bars = [row.partition("│")[2] for row in rows]
    # each row, from the top on, reaches as far as the one above it or further
    assert [len(row) for row in bars] == sorted(len(row) for row in bars)
    assert bars[0] == "█" and len(bars[-1]) > 50
    assert rows[0].startswith("2.44 │") and rows[-1].startswith("0.00 │")


def test_vendors_name_it_differently_and_some_tell_of_epochs_alone() -> None:
    text = training_markdown([event(train_loss=2.0), event(train_loss=float("nan")), event(train_loss=1.0)])
    assert text.startswith("**Loss 2.000 → 1.000**.") and "2 epochs" in text


def test_with_less_than_two_points_there_is_nothing_to_see() -> None:
    assert training_markdown([event(step=1, loss=2.0), event(step=2)]) == ""
    assert "0.00 │" in training_markdown([event(loss=0.0), event(loss=0.0)])
