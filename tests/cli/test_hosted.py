"""Hosted bases from the command line, on vendors of this machine: train, chat, cost, clean up."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cli
from tasks.wiring import open_registry
from tests.hosted import gemini, openai
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.life import Pace
from tests.vendors.loopback import Loopback

USE_CASE = "Sort parcels into depots"
BASE = {"openai": "gpt-4.1-mini-2025-04-14", "gemini": "gemini-3.5-flash"}
Run = Callable[..., tuple[int, Any]]

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(params=["openai", "gemini"])
def vendor(
    request: pytest.FixtureRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Loopback]:
    own = openai(monkeypatch, lives_on=False) if request.param == "openai" else gemini(monkeypatch, tmp_path)
    with own as made:
        yield made


@pytest.fixture
def luthier(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Exit code and document of a command with --json."""

    def run(*arguments: str) -> tuple[int, Any]:
        monkeypatch.setattr(sys, "argv", ["luthier", *arguments, "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), json.loads(capfd.readouterr().out)

    return run


def train(luthier: Run, vendor: Loopback, parcels: Path, *more: str) -> tuple[int, Any]:
    base = BASE["gemini" if isinstance(vendor, GeminiVendor) else "openai"]
    asked = ["train", str(parcels), "-u", USE_CASE, "--base-model", base, "--epochs", "1", *more]
    return luthier(*asked, "--accept-retirement", "--option", "evaluate_on=4")


def test_a_model_is_tuned_talked_to_and_its_cost_told(luthier: Run, vendor: Loopback, parcels: Path) -> None:
    code, made = train(luthier, vendor, parcels, "--name", "Depots")
    assert code == 0
    assert made["job"]["status"] == "succeeded" and made["evaluation"]["holdout_examples"] > 0
    code, said = luthier("chat", "Depots", "--message", "red crate for the harbour town")
    assert code == 0 and said["answer"] and said["usage"]["completion_tokens"] > 0

    again = train(luthier, vendor, parcels)[1]
    assert again["model"]["id"] == made["model"]["id"]
    assert len(vendor.jobs) == 1, "a rerun finds what was paid for"

    listed = luthier("jobs")[1]
    shown = luthier("jobs", "show", made["job"]["id"])[1]
    assert shown["billed"]["tokens"] > 0
    assert listed["billed"] == {made["job"]["id"]: shown["billed"]}
    assert listed["total"]["billed_tokens"] == shown["billed"]["tokens"]
    cleaned = luthier("jobs", "clean")[1]
    assert (cleaned["found"], cleaned["removed"], cleaned["failed"]) == ([], [], {})


def test_what_a_cancelled_job_left_is_listed_and_removed(
    luthier: Run, vendor: Loopback, parcels: Path, tmp_path: Path
) -> None:
    kept = train(luthier, vendor, parcels)[1]["model"]["id"]
    other = tmp_path / "other.csv"
    other.write_text(parcels.read_text().replace("number", "mark"), "utf-8")
    vendor.pace = Pace(polls=10**9)
    code, started = train(luthier, vendor, other, "--no-wait")
    job = started["job"]["id"]
    assert code == 0 and started["job"]["status"] == "in_progress"
    assert luthier("jobs", "cancel", job)[0] == 0

    registry = open_registry()
    ended = registry.job(job)
    about_to_start = ended.but(id="job-about-to-start", status="queued", remote_id=None, finished_at=None)
    registry.add_job(about_to_start)
    assert {one["keep"] for one in luthier("jobs", "clean", "--yes")[1]["found"]} == {
        "a job that is about to start may need it"
    }
    registry.update_job(about_to_start.id, status="cancelled")

    looked = luthier("jobs", "clean")[1]
    assert {one["kind"] for one in looked["found"]} == {"file"} and not looked["removed"]
    assert {one["job"] for one in looked["found"]} == {job}
    code, cleaned = luthier("jobs", "clean", "--yes")
    assert code == 0 and cleaned["removed"] == [one["id"] for one in looked["found"]]
    assert luthier("jobs", "clean")[1]["found"] == []
    vendor.pace = Pace(polls=1)
    assert luthier("chat", kept, "--message", "red crate")[1]["answer"], "the published model stays"


def test_dates_of_bases_are_the_vendors_own_where_it_can_be_asked(
    home: Path, luthier: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with openai(monkeypatch, lives_on=False) as vendor:
        vendor.shutdowns = {BASE["openai"]: "2031-02-03"}
        asked = luthier("bases")[1]["bases"]
        assert next(base for base in asked if base["id"] == BASE["openai"])["inference_until"] == "2031-02-03"
        vendor.fault("GET", "/models", status=500, times=9)
        code, unasked = luthier("bases")
    assert code == 0 and len(unasked["bases"]) == len(asked)
    assert next(base for base in unasked["bases"] if base["id"] == BASE["openai"])["inference_until"]


def test_models_of_a_vendor_whose_library_is_gone_still_list_and_say_so(
    luthier: Run, vendor: Loopback, parcels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = train(luthier, vendor, parcels)[1]["model"]
    name, package = ("gemini", "google.genai") if isinstance(vendor, GeminiVendor) else ("openai", "openai")
    for loaded in [one for one in sys.modules if one.startswith((f"providers.{name}", package))]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    assert [one["id"] for one in luthier("models")[1]["models"]] == [model["id"]]
    assert luthier("models", "show", model["id"])[0] == 0
    assert luthier("jobs")[0] == 0 and luthier("bases")[0] == 0
    code, said = luthier("chat", model["id"], "--message", "red crate")
    assert code == 3 and f"pip install -e '.[{name}]'" in said["error"]["hint"]
