import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from providers.gpu.__main__ import in_plain_words, main
from providers.gpu.provider import ROOT


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full.", "jobs retry"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "The disk is full.", "jobs retry"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "memory is too small", "smaller base model"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory is too small", "max_tokens"),
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
