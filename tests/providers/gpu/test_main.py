import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from errors import TrainingFailed
from providers.gpu import run
from providers.gpu.__main__ import _run, in_plain_words, main, run_job
from providers.gpu.jobs import JobFolder
from providers.gpu.progress import Reporter, Stopped, StopSignal
from providers.gpu.provider import ROOT


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full.", "jobs retry"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "The disk is full.", "jobs retry"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "memory is too small", "smaller base model"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory is too small", "max_tokens"),
        (RuntimeError("could not create a primitive"), "memory is too small", "smaller base model"),
        (MemoryError(), "memory is too small", "max_tokens"),
        (RuntimeError("CUDA error: unspecified launch failure"), "The GPU failed", "new process"),
        (RuntimeError("shapes cannot be multiplied"), "shapes cannot be multiplied", "trainer.log"),
        (AttributeError("no attribute 'past'"), "no attribute 'past'", "trainer.log"),
    ],
)
def test_faults_of_the_machine_are_told_with_what_to_do(fault: Exception, message: str, hint: str) -> None:
    error = in_plain_words(fault)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (SafetensorError("Error while serializing: I/O error: No space left on device"), "The disk is full."),
        (AttributeError("the output has no past"), "The trainer failed: the output has no past"),
        (IndexError("index out of range in self"), "The trainer failed: index out of range in self"),
    ],
)
def test_a_fault_of_any_class_ends_the_job_and_is_not_taken_for_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, message: str
) -> None:
    class Failing:
        def __init__(self, *_: object): ...

        def all_stages(self) -> None:
            raise fault

    monkeypatch.setattr(run, "Run", Failing)
    job = JobFolder(tmp_path)
    with pytest.raises(TrainingFailed) as raised:
        _run(job, Reporter(job), StopSignal())
    assert (raised.value.message, raised.value.transient) == (message, False)


def test_one_that_is_stopped_before_it_trains_keeps_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopping:
        def __init__(self, *_: object): ...

        def all_stages(self) -> None:
            raise Stopped

    monkeypatch.setattr(run, "Run", Stopping)
    monkeypatch.setattr(StopSignal, "install", lambda _: None)
    assert run_job(tmp_path) == 143
    state = JobFolder(tmp_path).read_state()
    assert state and state.progress.message.endswith("; nothing was trained yet.")


def test_only_a_fault_of_the_gpu_passes_by_itself() -> None:
    transient = [in_plain_words(RuntimeError(words)).transient for words in ("CUDA error: x", "bad shape")]
    assert transient == [True, False]


def test_wrong_usage_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main([str(tmp_path)]) == 2
    assert "python -m providers.gpu JOB_DIR" in capsys.readouterr().err


def test_a_base_that_is_missing_can_t_be_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export-base", "no-such-model", str(tmp_path / "out")]) == 3
    assert "was not found" in capsys.readouterr().err


def test_a_base_is_exported_from_the_command_line(bases: Callable[[str], Path], tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "providers.gpu",
        "export-base",
        str(bases("llama")),
        str(tmp_path / "out"),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
