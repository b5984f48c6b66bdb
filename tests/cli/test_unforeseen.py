"""What nobody foresaw ends in a sentence and an exit code, never in a stack on somebody's screen."""

import errno
import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import cli
from cli.unforeseen import explained
from errors import LuthierError
from settings import settings


def caught(error: Exception, cause: Exception | None = None) -> Exception:
    """As it comes out of a library: raised, from a cause."""
    try:
        raise error from cause
    except type(error) as raised:
        return raised


def test_a_full_disk_is_told_as_such_whoever_met_it_first(home: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", str(home / "a.db"))
    told = explained(caught(RuntimeError("the server timed out"), caught(full)))
    assert (told.code, told.exit_code) == ("not_configured", 3)
    assert told.message == f"No space is left on the disk of {home / 'a.db'}."
    assert "Make room" in told.hint


def test_a_file_that_may_not_be_written_is_named(home: Path) -> None:
    told = explained(caught(PermissionError(errno.EACCES, "Permission denied", "/srv/out.jsonl")))
    assert told.exit_code == 3
    assert told.message == "/srv/out.jsonl can't be used: Permission denied."


def test_any_other_error_is_named_and_its_stack_lies_in_a_file(home: Path) -> None:
    told = explained(caught(KeyError("loss"), caught(ZeroDivisionError("division by zero"))))
    assert (told.code, told.exit_code) == ("error", 1)
    assert told.message.endswith("KeyError: 'loss'")
    (stack,) = (home / "errors").iterdir()
    assert str(stack) in told.hint
    assert "ZeroDivisionError" in stack.read_text()


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_home_that_is_no_folder_is_named_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], more: list[str]
) -> None:
    home, data = tmp_path / "home", tmp_path / "a.md"
    home.write_text("a file")
    data.write_text("# Boats\n\nThe night boat leaves at ten.\n")
    monkeypatch.setenv("LUTHIER_HOME", str(home))
    monkeypatch.setattr(
        sys, "argv", ["luthier", "prepare", str(data), "--use-case", "Answer questions", *more]
    )
    settings.cache_clear()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    settings.cache_clear()
    printed = capfd.readouterr()
    assert ended.value.code == 3
    assert "Traceback" not in printed.err
    if more:
        assert str(home) in json.loads(printed.out)["error"]["message"]
    else:
        assert "Set LUTHIER_HOME" in printed.err


def test_words_that_are_no_utf8_are_refused_with_the_remedy(home: Path) -> None:
    try:
        "M\udce4rz".encode()
    except UnicodeEncodeError as error:
        told = explained(error)
    assert isinstance(told, LuthierError)
    assert "UTF-8" in told.message and "iconv" in told.hint


def test_it_says_which_version_it_is(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["luthier", "--version"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capfd.readouterr().out) == (0, f"luthier {version('luthier')}\n")
