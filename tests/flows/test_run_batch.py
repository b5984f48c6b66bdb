"""A night's batch through the real engine: both lanes, what is left, what is broken, what is not worse."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli
import launch
from batch.summary import ModelsFailed, Summary
from records import TunedModel
from tasks.wiring import open_registry
from tests.hosted import HOSTED, openai
from tests.vendors.openai_vendor import OpenAIVendor

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def vendor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIVendor]:
    with openai(monkeypatch) as made:
        yield made


class Folder:
    """Job specs, each with a table of parcels of its own."""

    def __init__(self, path: Path, parcels: Path):
        self.path, self.parcels = path, parcels.read_text("utf-8").splitlines()
        path.mkdir()

    def data(self, number: int, note: str = "", rows: int = 24) -> None:
        header, *lines = self.parcels
        told = [line.replace(" for ", f" {note} of branch {number} for ") for line in lines[:rows]]
        (self.path / f"{number:02}.csv").write_text("\n".join([header, *told]) + "\n", "utf-8")

    def spec(self, number: int, base: str = HOSTED, more: str = "", recipe: str = "epochs: 1") -> None:
        self.data(number)
        text = (
            f"name: Branch {number}\nalias: branch-{number}\nuse_case: Sort parcels into depots\n"
            f"sources: {number:02}.csv\n{more}recipe: {{base_model: {base}, {recipe}}}\n"
        )
        (self.path / f"{number:02}.yaml").write_text(text, "utf-8")


@pytest.fixture
def folder(tmp_path: Path, parcels: Path) -> Folder:
    return Folder(tmp_path / "specs", parcels)


def run(folder: Folder, **more: Any) -> Summary:
    """The summary, also where something failed."""
    try:
        summary = launch.run("run_batch", {"folder": str(folder.path), **more})
    except ModelsFailed as error:
        summary = error.summary
    assert isinstance(summary, Summary)
    return summary


def test_of_twenty_specs_twelve_are_trained_five_left_and_three_reported(
    vendor: OpenAIVendor,
    folder: Folder,
    tiny_base: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for number in range(1, 6):
        folder.spec(number)
    assert run(folder).counts == {"trained": 5}
    for number in range(6, 16):
        folder.spec(number)
    for number in (16, 17):
        folder.spec(
            number, tiny_base, recipe="epochs: 1, learning_rate: 0.01, rank: 4, options: {threads: 1}"
        )
    folder.spec(18, more="shedule: weekly\n")
    folder.spec(19)
    (folder.path / "19.csv").unlink()
    folder.spec(20)
    folder.data(20, rows=3)

    monkeypatch.setattr(sys, "argv", ["luthier", "batch", "run", str(folder.path), "--json"])
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = json.loads(capfd.readouterr().out)
    assert ended.value.code == 1 and not told["ok"]
    assert told["counts"] == {"failed": 3, "trained": 12, "skipped": 5}
    broken = {line["spec"]: line["failure"] for line in told["lines"] if line["what"] == "failed"}
    assert "18.yaml, line 5: there is no key `shedule`" in broken["18.yaml"]["message"]
    assert broken["18.yaml"]["hint"] == "Did you mean `schedule`?"
    assert "19.csv" in broken["19.yaml"]["message"] and broken["20.yaml"]["code"] == "not_enough_data"
    assert len(vendor.jobs) == 15 and len(open_registry().models()) == 17
    kept = sorted((home / "batches").glob("*.md"))[-1].read_text("utf-8")
    assert "20 job specs: 3 failed, 12 trained, 5 skipped." in kept and "Branch 20" in kept

    # the next night with nothing new: nothing is trained, what is broken is told again
    again = run(folder)
    assert again.counts == {"failed": 3, "skipped": 17} and len(vendor.jobs) == 15
    line = next(line for line in again.lines if line.spec == "20.yaml")
    assert "not tried again" in line.reason and line.failure


def test_a_dry_run_says_what_would_be_run_and_why_and_runs_nothing(
    vendor: OpenAIVendor, folder: Folder
) -> None:
    folder.spec(1)
    folder.spec(2)
    run(folder, only=["Branch 1"])
    folder.data(1, note="fragile")
    told = run(folder, dry_run=True)
    assert {line.name: line.reason for line in told.lines} == {
        "Branch 1": "data changed",
        "Branch 2": "it is new",
    }
    assert told.counts == {"planned": 2} and len(vendor.jobs) == 1


def test_a_batch_that_died_anywhere_is_taken_up_without_training_twice(
    vendor: OpenAIVendor, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.spec(1)
    for step in ("validate", "start", "evaluate", "publish", "keep_version", "made"):
        with monkeypatch.context() as patch, pytest.raises(Died):
            patch.setattr(f"flows.run_batch.{step}", die)
            run(folder)
    assert run(folder).counts == {"trained": 1} and len(vendor.jobs) == 1
    assert [version.number for version in open_registry().versions("branch-1")] == [1]
    assert run(folder).counts == {"skipped": 1}


class Died(BaseException):
    """As a process that is killed: nothing is caught, nothing is tidied."""


def die(*_: object, **__: object) -> None:
    raise Died


def test_a_schedule_holds_a_change_back_until_it_is_due(vendor: OpenAIVendor, folder: Folder) -> None:
    folder.spec(1, more="schedule: weekly\n")
    folder.spec(2, more="schedule: manual\n")
    assert run(folder).counts == {"trained": 1, "skipped": 1}
    folder.data(1, note="fragile")
    line = run(folder).lines[0]
    assert line.what == "skipped" and "data changed, but it is made weekly: due" in line.reason
    assert run(folder, only=["Branch 2"]).counts == {"trained": 1}


def test_a_changed_name_of_the_same_work_finds_it_and_data_put_back_moves_no_name(
    vendor: OpenAIVendor, folder: Folder
) -> None:
    folder.spec(1)
    run(folder)
    folder.data(1, note="fragile")
    assert run(folder).lines[0].version == 2
    registry = open_registry()
    registry.point_at("branch-1", 2)
    folder.data(1)
    line = run(folder).lines[0]
    assert line.what == "skipped" and line.version == 1 and "; version 2 is current" in line.result
    assert registry.current_version("Branch 1") == registry.versions("Branch 1")[0]
    assert len(vendor.jobs) == 2


def test_own_models_answer_the_same_questions_and_a_worse_one_is_not_promoted(
    folder: Folder, tiny_base: str, home: Path
) -> None:
    good = "epochs: 12, learning_rate: 0.01, rank: 8, options: {threads: 1}"
    wide = "preparation: {holdout: 0.4}\n"
    folder.spec(1, tiny_base, more=wide, recipe=good)
    folder.data(1, rows=60)
    run(folder)
    first = open_registry().model("branch-1")
    folder.spec(1, tiny_base, more=wide, recipe=good.replace("0.01", "0.000001").replace("12", "1"))
    folder.data(1, rows=60)
    line = run(folder).lines[0]
    registry = open_registry()
    newest = registry.versions("branch-1")[0]
    assert line.what == "trained" and line.current is False and newest.number == 2
    assert newest.comparison and newest.comparison.verdict == "worse"
    assert newest.comparison.holdout_examples == 24
    assert newest.comparison.base == tuned_figure(first) and "stays at version 1" in newest.judgement
    assert registry.model("branch-1") == first


def tuned_figure(model: TunedModel) -> float:
    assert model.evaluation
    return model.evaluation.tuned
