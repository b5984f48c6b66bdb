"""The contract of the command line: one JSON document, exit codes, and words that help."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cli
from records import Recipe
from tasks.wiring import open_registry

USE_CASE = "Sort parcels into depots"


class Result:
    def __init__(self, code: int, out: str, err: str):
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def luthier(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Runs a command in this process and returns exit code and output."""

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["luthier", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return Result(int(ended.value.code or 0), out, err)

    return run


@pytest.mark.usefixtures("prefect_server")
def test_the_life_of_a_model(luthier: Any, tiny_base: str, parcels: Path, tmp_path: Path) -> None:
    base = ["--base-model", tiny_base, "--epochs", "1", "--rank", "4", "--learning-rate", "0.01"]
    trained = luthier("train", str(parcels), "-u", USE_CASE, *base, "--name", "Parcels", "--json")
    assert trained.code == 0
    made = trained.document
    assert set(made) == {"job", "model", "dataset", "evaluation"}
    assert {"metric", "base", "tuned", "holdout_examples", "verdict"} <= set(made["evaluation"])
    assert made["job"]["status"] == "succeeded" and "Read 60 rows" in trained.err
    model, dataset = made["model"]["id"], made["dataset"]["id"]

    assert [one["id"] for one in luthier("models", "--json").document["models"]] == [model]
    assert "Parcels" in luthier("models").out
    shown = luthier("models", "show", "Parcels", "--json").document
    assert len(shown["examples"]) == 60 and shown["examples"][0]["sources"][0]["uri"] == str(parcels)

    renamed = luthier("models", "rename", model, "Depot finder", "--json").document
    assert renamed["model"]["display_name"] == "Depot finder"
    saved = luthier("models", "download", model, "--to", str(tmp_path), "--json").document
    assert Path(saved["path"]).stat().st_size > 1000
    assert luthier("models", "refresh", model, "--json").document["progress"]["status"] == "succeeded"
    assert "base" in luthier("models", "compare", model).out

    checked = luthier("models", "verify", saved["path"], "--json").document
    assert checked["verified"] and {one["rule"] for one in checked["findings"]} == {"tokens", "answer"}
    taken = luthier("models", "export", model, "--as", "ollama", "--to", str(tmp_path / "out"), "--json")
    assert taken.document["command"].startswith("ollama create depot-finder -f ")
    assert "SYSTEM" in Path(taken.document["path"]).read_text()
    twice = luthier("models", "export", model, "--as", "ollama", "--to", str(tmp_path / "out"), "--json")
    assert twice.code == 4 and "already" in twice.document["error"]["message"]

    answer = luthier(
        "chat", model, "--message", "red crate for the harbour town", "--max-tokens", "4", "--json"
    )
    assert answer.document["usage"]["completion_tokens"] <= 4

    traced = luthier("datasets", "show", "--source", str(parcels), "--json").document
    assert [one["id"] for one in traced["models"]] == [model]
    exported = luthier("datasets", "export", dataset, "--to", str(tmp_path / "out"), "--json").document
    first = json.loads(Path(exported["paths"][0]).read_text().splitlines()[0])
    assert [message["role"] for message in first["messages"]] == ["system", "user", "assistant"]

    job = luthier("jobs", "--json").document["jobs"][0]["id"]
    assert luthier("jobs", "show", job, "--json").document["model"]["id"] == model
    assert luthier("jobs", "events", job, "--json").document["events"]
    ended = luthier("jobs", "cancel", job)
    assert ended.code == 2 and "ended already" in ended.err

    again = luthier("train", "--dataset", dataset, *base, "--json").document
    assert again["model"]["id"] == model, "the same dataset and recipe find the same model"
    assert luthier("models", "delete", model, "--yes", "--json").document == {"deleted": model}
    assert luthier("models", "--json").document == {"models": []}


@pytest.mark.usefixtures("prefect_server")
def test_too_little_data_exits_with_4_and_names_the_failure(luthier: Any, tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    lines = [{"question": f"What is in drawer {i}?", "answer": f"Thing {i}."} for i in range(5)]
    few.write_text("\n".join(map(json.dumps, lines)))
    result = luthier("prepare", str(few), "-u", "Answer questions", "--json")
    error = result.document["error"]
    assert (result.code, error["code"]) == (4, "not_enough_data")
    assert error["hint"] and not error["report"]["ok"]


@pytest.mark.usefixtures("prefect_server")
def test_empty_answers_are_named_by_line(luthier: Any, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text(
        "\n".join(json.dumps({"question": f"What about item {i}?", "answer": ""}) for i in range(12))
    )
    result = luthier("train", str(empty), "-u", "Answer questions")
    assert result.code == 4
    assert (
        "Not enough data" in result.err
        and "empty.jsonl" in result.err
        and "lines 1, 2" in result.err.replace("\n", " ")
    )


@pytest.mark.usefixtures("prefect_server")
def test_one_unreadable_file_does_not_stop_the_others(luthier: Any, parcels: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "parcels.csv").write_bytes(parcels.read_bytes())
    (folder / "torn.pdf").write_bytes(b"%PDF-1.7\n%torn\n")
    result = luthier("prepare", str(folder), "-u", USE_CASE, "--json")
    assert result.code == 0
    files = {file["name"]: file for file in result.document["dataset"]["report"]["files"]}
    assert files["parcels.csv"]["used"] and not files["torn.pdf"]["used"] and files["torn.pdf"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["train", "/no/such/file.csv", "-u", USE_CASE], "not_found", 2),
        (["train", "-u", USE_CASE], "usage", 2),
        (["train", "x.csv"], "usage", 2),
        (["train", "--frobnicate"], "usage", 2),
        (["models", "show", "nothing"], "not_found", 2),
        (["jobs", "retry", "nothing"], "not_found", 2),
        (["datasets", "show", "--source", "nothing.pdf"], "not_found", 2),
        (["train", "--dataset", "nothing"], "not_found", 2),
    ],
)
@pytest.mark.usefixtures("prefect_server")
def test_wrong_usage_exits_with_2(luthier: Any, arguments: list[str], code: str, exit_code: int) -> None:
    result = luthier(*arguments, "--json")
    assert result.code == exit_code
    assert result.document["error"]["code"] == code and result.document["error"]["hint"]


@pytest.mark.usefixtures("prefect_server")
def test_an_unknown_base_model_is_refused_before_anything_starts(luthier: Any, parcels: Path) -> None:
    result = luthier("train", str(parcels), "-u", USE_CASE, "--base-model", "gpt-nonsense", "--json")
    assert (result.code, result.document["error"]["code"]) == (5, "provider_refused")
    assert open_registry().jobs() == []


def test_the_bases_are_listed_with_the_default_among_them(luthier: Any) -> None:
    ids = {base["id"] for base in luthier("bases", "--json").document["bases"]}
    assert Recipe().base_model in ids
    assert "smollm2-135m" in luthier("bases").out


def test_the_light_commands_load_no_heavy_library() -> None:
    heavy = "{'torch', 'transformers', 'great_expectations', 'prefect', 'pandas', 'unstructured'}"
    code = f"import sys, cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.usefixtures("prefect_server")
def test_a_person_who_does_not_approve_stops_before_the_training(
    luthier: Any, tiny_base: str, parcels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    refused = luthier("train", str(parcels), "-u", USE_CASE, "--base-model", tiny_base, "--approve")
    assert refused.code == 130 and "nothing was trained" in refused.err
    assert "Examples, 10 of 60" in refused.err and "under" in refused.err and not refused.out.strip()
    assert luthier("jobs", "--json").document["jobs"] == []
    (dataset,) = luthier("datasets", "--json").document["datasets"]
    pairs = luthier(
        "datasets",
        "export",
        dataset["id"],
        "--to",
        str(parcels.parent / "out"),
        "--format",
        "prompt-completion",
        "--json",
    )
    first = json.loads(Path(pairs.document["paths"][0]).read_text().splitlines()[0])
    assert set(first) == {"prompt", "completion"}
