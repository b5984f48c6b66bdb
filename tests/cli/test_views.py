"""Records as people read them in a terminal."""

import pytest

from cli import terminal, views
from records import Failure, Job, Recipe


@pytest.mark.parametrize(
    ("status", "failure", "next_step"),
    [
        ("in_progress", None, "If nothing works on it any more: luthier jobs retry job-7"),
        ("failed", Failure(code="error", message="It fell.", hint="Lift it."), "Lift it."),
        ("succeeded", None, ""),
    ],
)
def test_a_job_says_what_to_do_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status, failure, next_step: str
) -> None:
    monkeypatch.setattr(terminal.out, "width", 120)
    recipe = Recipe(base_model="smollm2-135m")
    job = Job(
        id="job-7",
        name="Depot",
        status=status,
        provider="gpu",
        dataset_id="d",
        recipe=recipe,
        failure=failure,
    )
    views.show_job(job, None, None)
    shown = capsys.readouterr().out
    assert next_step in shown
    assert ("next" in shown) == bool(next_step)
