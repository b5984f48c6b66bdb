"""The adapter folder as it is published: adapter, tokenizer, chat template, golden prompts, loss curve."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from providers.gpu.answers import golden
from providers.gpu.answers.golden import Golden
from providers.gpu.bases import TOKENIZER_FILES, Base
from providers.gpu.export.picture import loss_picture
from providers.gpu.training import adapter
from providers.gpu.training.checkpoint import TrainingState

if TYPE_CHECKING:
    from peft import PeftModel


def write(
    folder: Path, model: "PeftModel", base: Base, tokenizer: Path, state: TrainingState, asked: Golden
) -> None:
    """All of the folder or none of it; the same bytes for the same run."""
    made = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    adapter.save(model, base, made)
    for name in TOKENIZER_FILES:
        if (tokenizer / name).exists():
            shutil.copyfile(tokenizer / name, made / name)
    curve = {
        "steps": state.step,
        "loss": [round(loss, 6) for loss in state.losses],
        "holdout_loss": [[step, round(loss, 6)] for step, loss in state.holdout],
        "kept_step": state.best or state.step,
    }
    (made / "loss.json").write_text(json.dumps(curve) + "\n", "utf-8")
    (made / golden.FILE).write_text(asked.model_dump_json(indent=2) + "\n", "utf-8")
    (made / "loss.svg").write_text(loss_picture(state), "utf-8")
    made.rename(folder)
