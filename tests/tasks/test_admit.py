"""What a rerun is refused, and what it goes on with, once its base takes no new jobs."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import launch
from errors import Refused
from records import Job, Recipe, TunedModel
from settings import settings
from tasks.wiring import open_registry
from tests.hosted import HOSTED, openai
from tests.vendors.openai_vendor import OpenAIVendor

pytestmark = pytest.mark.usefixtures("prefect_server")
DIRECTIONS = [("coast", "north"), ("market", "south"), ("hill", "east"), ("river", "west")]


@pytest.fixture
def vendor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIVendor]:
    with openai(monkeypatch) as made:
        yield made


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue in which the base takes no jobs any more, and answers still."""
    file = tmp_path / "closed.toml"
    file.write_text(f'["{HOSTED}"]\ntunable_until = 2020-01-01\ninference_until = 2099-01-08\n')
    yield file


def asked(source: Path, **recipe: Any) -> dict[str, Any]:
    options = {"evaluate_on": 2}
    return {
        "sources": [str(source)],
        "use_case": "Name the depot of a parcel",
        "recipe": Recipe(base_model=HOSTED, epochs=1, options=options, **recipe),
    }


def parcels(path: Path, first: int) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "depot"])
        for number in range(first, first + 40):
            road, depot = DIRECTIONS[number % 4]
            table.writerow([f"parcel {number} goes up the {road} road number {number * 7}", depot])
    return path


def test_a_rerun_goes_on_with_its_job_although_the_base_has_closed_since(
    vendor: OpenAIVendor, closed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = parcels(tmp_path / "parcels.csv", 0)
    started = launch.run("fine_tune", asked(source) | {"to_the_end": False})
    assert isinstance(started, Job) and started.status == "in_progress"

    monkeypatch.setenv("LUTHIER_BASES_FILE", str(closed))
    settings.cache_clear()
    # what is not that job would be bought now: another recipe is told at once, other data when it is known
    with pytest.raises(Refused, match="taken no new jobs since 2020-01-01"):
        launch.run("fine_tune", asked(source, seed=5))
    with pytest.raises(Refused, match="taken no new jobs since 2020-01-01"):
        launch.run("fine_tune", asked(parcels(tmp_path / "others.csv", 100)))

    # the ledger knows what the job's own record does not, had the process died in between
    registry = open_registry()
    registry.update_job(started.id, remote_id=None)
    model = launch.run("fine_tune", asked(source))
    assert isinstance(model, TunedModel) and model.job_id == started.id
    assert [job["metadata"]["luthier_job"] for job in vendor.state()["jobs"]] == [started.id]
    assert registry.job(started.id).status == "succeeded"
