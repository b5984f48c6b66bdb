"""Hosted bases from the command line, on vendors of this machine: train, chat, cost, clean up."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cli
from settings import settings
from tests.hosted import BASES, openai
from tests.vendors.__main__ import BUCKET, google
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.life import Pace
from tests.vendors.loopback import Loopback
from tests.vendors.storage import storage

USE_CASE = "Sort parcels into depots"
BASE = {"openai": "gpt-4.1-mini-2025-04-14", "gemini": "gemini-3.5-flash"}
Run = Callable[..., tuple[int, Any]]

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(params=["openai", "gemini"])
def vendor(
    request: pytest.FixtureRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Loopback]:
    if request.param == "openai":
        with openai(monkeypatch, lives_on=False) as made:
            yield made
        return
    with storage(BUCKET) as files, GeminiVendor(files, pace=Pace(polls=1)) as gemini:
        for name, value in google(gemini.url, files, tmp_path).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LUTHIER_POLL_SECONDS", "0.05")
        monkeypatch.setenv("LUTHIER_BASES_FILE", str(BASES))
        settings.cache_clear()
        yield gemini


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
    assert luthier("jobs", "clean")[1] == {"found": [], "removed": [], "failed": {}, "unasked": ANY_UNASKED}


class _Unasked:
    """Whatever other vendors, which are not set up, say of themselves."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict)


ANY_UNASKED = _Unasked()


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

    looked = luthier("jobs", "clean")[1]
    assert {one["kind"] for one in looked["found"]} == {"file"} and not looked["removed"]
    assert {one["job"] for one in looked["found"]} == {job}
    code, cleaned = luthier("jobs", "clean", "--yes")
    assert code == 0 and cleaned["removed"] == [one["id"] for one in looked["found"]]
    assert luthier("jobs", "clean")[1]["found"] == []
    vendor.pace = Pace(polls=1)
    assert luthier("chat", kept, "--message", "red crate")[1]["answer"], "the published model stays"
