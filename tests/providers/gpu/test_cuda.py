"""What only a GPU can show."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from providers.gpu.answers import greedy
from providers.gpu.jobs import JobFolder
from providers.gpu.progress import Reporter, StopSignal
from providers.gpu.template import Template
from providers.gpu.training import kernels
from providers.gpu.training.scoring import Scorer
from providers.gpu.training.trainer import Trainer
from records import Message, Recipe

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU"),
]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "qwen3_5_text"])
def test_training_and_answers_are_those_of_the_processor(
    bases: Callable[[str], Path],
    with_adapter: Callable[[str], Any],
    recipe: Recipe,
    parcels: list[list[Message]],
    tmp_path: Path,
    kind: str,
) -> None:
    template = Template(bases(kind))
    examples = [template.rows(messages) for messages in parcels]
    prompts = [template.prompt(messages[:2]) for messages in parcels]
    losses, answers = [], []
    for device in ("cpu", "cuda:0"):
        model = with_adapter(kind).to(device)
        kernels.speed_up(model)
        job = JobFolder(tmp_path / device)
        job.path.mkdir()
        scorer = Scorer(model.get_base_model())
        for epochs in (1, 3):  # the second goes on from the checkpoint of the first
            wanted = recipe.but(epochs=epochs, learning_rate=1e-3)
            trainer = Trainer(model, scorer, examples, wanted, 1000, StopSignal())
            state = trainer.run(job, Reporter(job))
        losses.append(state.losses)
        ends = template.end_ids
        if scorer.shares:
            _, _, pasts = greedy.read(scorer, [], prompts)
            answers.append(greedy.answer(pasts, ends, 8, lambda: None))
        else:
            answers.append(greedy.answer_padded(scorer.model, prompts, ends, 8, template.pad_id))
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)
    same = sum(one == other for one, other in zip(*answers, strict=True))
    assert same >= len(prompts) - 2  # near ties may fall either way
