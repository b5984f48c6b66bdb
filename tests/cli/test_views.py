"""Records as people read them in a terminal."""

import pytest

from cli import terminal, views
from cli.spending import Bill
from records import Dataset, Failure, Job, Progress, Recipe, Report, TunedModel

RECIPE = Recipe(base_model="smollm2-135m")
JOB = Job(id="job-7", name="Depot", provider="gpu", dataset_id="d", recipe=RECIPE)


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
    views.show_job(JOB.but(status=status, failure=failure), None, None)
    shown = capsys.readouterr().out
    assert next_step in shown
    assert ("next" in shown) == bool(next_step)


@pytest.mark.parametrize(("training", "told"), [("succeeded", True), ("in_progress", False)])
def test_the_list_names_jobs_whose_training_has_ended_and_how_to_go_on(
    capsys: pytest.CaptureFixture[str], training: str, told: bool
) -> None:
    job = JOB.but(status="in_progress", remote_id="job-7", progress=Progress(status=training))
    views.list_jobs([job], Bill({}, {}))
    assert ("luthier jobs retry job-7" in capsys.readouterr().out) == told


@pytest.mark.parametrize(
    ("artifact", "where"), [("/home/model-1.zip", "/home/model-1.zip"), (None, "ft:mini:7, which stays with")]
)
def test_a_model_that_was_made_says_where_it_is(
    capsys: pytest.CaptureFixture[str], artifact: str | None, where: str
) -> None:
    places = dict.fromkeys(("train_uri", "holdout_uri", "lineage_uri", "drops_uri"), "here")
    dataset = Dataset(id="ds-1", use_case="Sort", kind="classify", report=Report(train=10), **places)
    made = {"id": "model-1", "display_name": "Depot", "description": "", "reference": "ft:mini:7"}
    views.show_made(
        TunedModel(
            provider="openai", base_model="mini", job_id="j", dataset_id="ds-1", artifact=artifact, **made
        ),
        dataset,
    )
    shown = capsys.readouterr().out
    assert f"Depot is published as model-1:\n  {where}" in shown
    assert ("luthier models download" in shown) == bool(artifact)


@pytest.mark.parametrize(
    ("tokens", "written"), [(1_048_576, "1M"), (65_536, "64K"), (128_000, "128K"), (131_072, "128K")]
)
def test_numbers_of_tokens_are_written_as_vendors_write_them(tokens: int, written: str) -> None:
    assert views.short(tokens) == written
