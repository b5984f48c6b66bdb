"""`luthier models versions`, `promote`, `rollback`: what a name stands for, from the terminal."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import cli
from records import TunedModel
from tasks.wiring import open_registry


@pytest.fixture
def luthier(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> tuple[int, Any]:
        monkeypatch.setattr(sys, "argv", ["luthier", *arguments, "--json"])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), json.loads(capfd.readouterr().out)

    return run


def test_a_name_is_moved_and_moved_back(luthier: Any) -> None:
    registry = open_registry()
    for number in (1, 2, 3):
        model = TunedModel(
            id=f"model-{number}", display_name="Router", description="d", provider="gpu", base_model="b",
            reference="r", job_id=f"job-{number}", dataset_id="dataset-1",
        )  # fmt: skip
        registry.add_version("Router", registry.add_model(model))
    registry.give_alias("Router", "router")

    assert luthier("models", "versions", "router")[1]["current"] == 1
    assert luthier("models", "promote", "Router")[1]["model"] == "model-3"
    assert luthier("models", "rollback", "router")[1]["current"] == 2
    assert luthier("models", "promote", "router", "--version", "1")[1]["current"] == 1
    code, told = luthier("models", "rollback", "router")
    assert code == 2 and "no version before" in told["error"]["message"]
    code, told = luthier("models", "promote", "router", "--version", "9")
    assert code == 2 and "no version 9" in told["error"]["message"]
    code, told = luthier("models", "versions", "nobody")
    assert code == 2 and "batch run" in told["error"]["hint"]
