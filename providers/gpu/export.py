"""The adapter folder as it is published: adapter, tokenizer, chat template, loss curve."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from providers.gpu import adapter
from providers.gpu.bases import TOKENIZER_FILES, Base
from providers.gpu.checkpoint import TrainingState

if TYPE_CHECKING:
    from peft import PeftModel


def write(folder: Path, model: "PeftModel", base: Base, tokenizer: Path, state: TrainingState) -> None:
    """All of the folder or none of it; the same bytes for the same run."""
    made = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    adapter.save(model, base, made)
    for name in TOKENIZER_FILES:
        if (tokenizer / name).exists():
            shutil.copyfile(tokenizer / name, made / name)
    curve = {"steps": state.step, "loss": [round(loss, 6) for loss in state.losses]}
    (made / "loss.json").write_text(json.dumps(curve) + "\n", "utf-8")
    made.rename(folder)
