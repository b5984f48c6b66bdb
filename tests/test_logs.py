"""LUTHIER_LOG_FORMAT=json: what whoever collects logs reads."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import logs
from logs import JsonLines, about

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_about", {})


def line(message: str, *values: object, **more: Any) -> dict[str, Any]:
    record = logging.getLogger("luthier.tests").makeRecord(
        "luthier.tests", logging.WARNING, __file__, 1, message, values, more.pop("exc_info", None), extra=more
    )
    written = JsonLines().format(record)
    assert "\n" not in written
    return dict(json.loads(written))


def test_a_line_has_time_level_logger_and_message() -> None:
    told = line("%d rows of “%s”", 3, "a\nb")
    assert told.pop("time").endswith("Z")
    assert told == {"level": "WARNING", "logger": "luthier.tests", "message": "3 rows of “a\nb”"}


def test_a_process_says_what_it_works_for_and_a_server_line_by_line() -> None:
    about(run="run-1", job="job-1")
    assert (line("x")["run"], line("x")["job"]) == ("run-1", "job-1")
    assert line("x", job="job-2")["job"] == "job-2"
    about(job="")
    assert "job" not in line("x") and line("x")["run"] == "run-1"


def test_a_fault_carries_its_stack_and_any_object_can_be_logged() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        told = line("%s", object, exc_info=sys.exc_info())
    assert "ValueError: broken" in told["error"]


def test_a_run_s_log_holds_each_line_once() -> None:
    code = (
        "import logging; from launch.recorded import show_steps; logging.basicConfig(); show_steps(); "
        "logging.getLogger('luthier.tests').warning('Read 3 rows.')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.count("Read 3 rows.") == 1


def lines_of(command: list[str], home: Path, **more: str) -> list[dict[str, Any]]:
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("LUTHIER_", "PREFECT_"))
    }
    environ |= {"LUTHIER_HOME": str(home), "LUTHIER_LOG_FORMAT": "json", **more}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    return [json.loads(one) for one in done.stderr.splitlines()]


def test_an_error_on_the_command_line_is_a_line_of_json_too(tmp_path: Path) -> None:
    luthier = str(Path(sys.executable).parent / "luthier")
    told = lines_of([luthier, "jobs", "show", "job-none"], tmp_path)
    assert [one["logger"] for one in told] == ["luthier.cli"] * len(told)
    assert "job-none" in " ".join(one["message"] for one in told)


def test_prefects_console_writes_the_same_form(tmp_path: Path) -> None:
    code = (
        "from settings import quiet_dependencies; quiet_dependencies()\n"
        "from prefect.logging.configuration import setup_logging; setup_logging()\n"
        "from logs import about; about(run='run-7')\n"
        "import logging; logging.getLogger('prefect.client').warning('beside %s', 'it')\n"
    )
    told = lines_of([sys.executable, "-c", code], tmp_path)
    assert [(one["logger"], one["message"], one["run"]) for one in told] == [
        ("prefect.client", "beside it", "run-7")
    ]


def test_a_format_that_is_not_known_is_refused_in_a_sentence(tmp_path: Path) -> None:
    luthier = str(Path(sys.executable).parent / "luthier")
    environ = os.environ | {"LUTHIER_HOME": str(tmp_path), "LUTHIER_LOG_FORMAT": "xml"}
    done = subprocess.run([luthier, "jobs", "list", "--json"], env=environ, capture_output=True, text=True)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (3, "not_configured")
    assert "LUTHIER_LOG_FORMAT" in error["message"] and "'xml'" in error["message"]
