"""What runs in a run's process before its flow."""

from pathlib import Path

from launch.steps import refusal
from tests.launch.conftest import Furnished
from tests.launch.following import ended, start, started, steps_so_far
from tests.prefect_server import worker


def test_an_unknown_parameter_fails_the_run_with_a_sentence_before_any_step(
    furnished: Furnished, parcels: Path, tmp_path: Path
) -> None:
    given = {"use_cas": "Sort parcels", "sources": [str(parcels)]}
    with worker("own-hardware", tmp_path / "machine", furnished.api, **furnished.shared):
        run_id = started(furnished.api, "fine-tune/own-hardware", given)
        run = ended(furnished.api, run_id)
    assert run["state"]["type"] == "FAILED"
    assert "no parameter 'use_cas'; did you mean 'use_case'?" in run["state"]["message"]
    assert steps_so_far(furnished.api, run_id) == {}


def test_values_that_do_not_fit_are_refused_by_the_server(furnished: Furnished) -> None:
    for recipe in ({"epochs": 999}, {"epoch": 3}, {"base_model": 7}):
        made = start(furnished.api, "fine-tune/own-hardware", {"use_case": "Sort", "recipe": recipe})
        assert made.status_code == 409 and next(iter(recipe)) in made.text


def test_a_refusal_names_the_parameters_there_are() -> None:
    said = refusal(["zzz"], ["use_case", "sources"])
    assert said == "There is no parameter 'zzz'. This flow takes use_case, sources. Nothing was run."
