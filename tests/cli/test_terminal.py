import subprocess
import sys

import pytest

from cli import terminal
from cli.terminal import figures, sparkline, table
from records import Progress

LONG = " ".join(["a sentence that is longer than a terminal is wide"] * 5)
PRINTED = f"""
from cli.terminal import out, table
out.print({LONG!r})
table("Boats", "name", rows=[({LONG!r},)])
"""


def test_a_falling_loss_is_drawn_falling() -> None:
    assert sparkline([8.0, 4.0, 2.0, 1.0]) == "█▅▃▂"
    assert sparkline([1.0]) == sparkline([0.0, 0.0]) == ""


def test_a_long_course_fits_the_line() -> None:
    drawn = sparkline([1 / (1 + i) for i in range(400)])
    assert len(drawn) <= 12
    assert drawn[0] == "█"


def test_the_bar_tells_both_losses() -> None:
    progress = Progress(
        status="in_progress",
        step=2,
        steps=8,
        metrics={"loss": 0.5, "holdout_loss": 0.75, "tokens_per_second": 1234.0},
        losses=((1, 1.0), (2, 0.5)),
    )
    assert figures(progress) == "2/8  loss █▅ 0.500  held out 0.750  1,234 tokens/s"


def test_in_a_pipe_a_sentence_stays_one_line_and_a_table_keeps_its_width():
    run = subprocess.run([sys.executable, "-c", PRINTED], capture_output=True, text=True, check=True)
    first, *table = run.stdout.splitlines()
    assert first == LONG
    assert len(table) > 4 and max(map(len, table)) <= 80


def test_an_id_is_never_folded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(terminal.out, "width", 60)
    table("Jobs", "job", "name", "base", rows=[("job-06b220f18f7efc72", LONG, LONG)])
    assert "job-06b220f18f7efc72" in capsys.readouterr().out


def test_without_a_terminal_each_quarter_of_the_way_is_a_line_with_its_step_once(capsys):
    handler = terminal.StepHandler()
    handler.tell(Progress(status="queued", message="Waiting"))
    for step in range(1, 9):
        handler.tell(Progress(status="in_progress", message="Training", step=step, steps=8))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["  Waiting", "  Training  2/8", "  Training  4/8", "  Training  6/8", "  Training  8/8"]
