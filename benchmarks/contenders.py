"""Trainers of one LoRA adapter on the same rows: Luthier's, TRL's SFTTrainer, and a loop over peft.

Each is a function `(Task, pause) -> PeftModel` that calls `pause()` before every epoch.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from providers.gpu import bases
from providers.gpu.device import Device, has_bfloat16, usable_processors
from providers.gpu.jobs import JobFolder
from providers.gpu.options import Options
from providers.gpu.progress import Reporter, StopSignal
from providers.gpu.template import TokenRow
from providers.gpu.training import adapter, kernels
from providers.gpu.training.batching import steps_of_epoch
from providers.gpu.training.checkpoint import TrainingState
from providers.gpu.training.scoring import Scorer
from providers.gpu.training.trainer import Trainer, learning_rate
from records import Recipe

Pause = Callable[[], None]
BEST_PRECISION = "bfloat16" if has_bfloat16() else "float32"


@dataclass(frozen=True)
class Task:
    """The same for all: rows, epochs, rows a step, the peak learning rate."""

    base_model: str
    rows: Sequence[TokenRow]
    epochs: int
    batch: int = 8
    learning_rate: float = 1e-3
    rank: int = 16
    top_layers: float = 1.0
    seed: int = 17
    threads: int = field(default_factory=usable_processors)

    @property
    def recipe(self) -> Recipe:
        options = {
            "batch_examples": self.batch,
            "threads": self.threads,
            "warmup": 0.0,
            "top_layers": self.top_layers,
        }
        return Recipe(
            base_model=self.base_model,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            rank=self.rank,
            seed=self.seed,
            options=options,
        )

    def order(self, epoch: int) -> list[list[int]]:
        """The rows of each step, as Luthier's trainer takes them."""
        return steps_of_epoch([len(row.tokens) for row in self.rows], self.batch, self.seed, epoch, False)

    def adapted(self, precision: str = BEST_PRECISION) -> Any:
        """The base with a fresh adapter, the same for all."""
        torch.set_num_threads(self.threads)
        base = bases.load(bases.find(self.base_model), Device("cpu", precision, self.threads))
        return adapter.attach(base, self.recipe, Options(top_layers=self.top_layers))


class PausingReporter(Reporter):
    def __init__(self, job: JobFolder, pause: Pause):
        super().__init__(job)
        self.pause = pause

    def trained(self, state: TrainingState, steps: int, epoch: float, *figures: float) -> None:
        super().trained(state, steps, epoch, *figures)
        if epoch == int(epoch) and state.step < steps:
            self.pause()


def luthier(task: Task, pause: Pause) -> Any:
    model = task.adapted()
    kernels.speed_up(model)
    scorer = Scorer(model.get_base_model())
    trainer = Trainer(model, scorer, [[row] for row in task.rows], task.recipe, 768, StopSignal())
    with tempfile.TemporaryDirectory() as folder:
        job = JobFolder(Path(folder))
        report = PausingReporter(job, pause)
        pause()
        trainer.run(job, report)
    return model


def peft_loop(task: Task, pause: Pause) -> Any:
    """What a tutorial writes: padded batches, the model's own loss."""
    model = task.adapted()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.0, weight_decay=0.0)
    model.train()
    for epoch in range(task.epochs):
        pause()
        steps = task.order(epoch)
        for step, chosen in enumerate(steps, epoch * len(steps)):
            rows = [task.rows[i] for i in chosen]
            longest = max(len(row.tokens) for row in rows)
            tokens = torch.tensor([row.tokens + [0] * (longest - len(row.tokens)) for row in rows])
            seen = torch.tensor([[1] * len(r.tokens) + [0] * (longest - len(r.tokens)) for r in rows])
            labels = torch.tensor(
                [
                    [t if wanted else -100 for t, wanted in zip(row.tokens, row.trained, strict=True)]
                    + [-100] * (longest - len(row.tokens))
                    for row in rows
                ]
            )
            model(input_ids=tokens, attention_mask=seen, labels=labels).loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            rate = learning_rate(step, len(steps) * task.epochs, task.learning_rate, 0.0)
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
    return model


def trl(task: Task, pause: Pause, precision: str = BEST_PRECISION, **settings: Any) -> Any:
    """SFTTrainer with that configuration; the loss on the answers only, no truncation."""
    # both are read when the libraries are imported
    os.environ |= {"TRL_EXPERIMENTAL_SILENCE": "1", "HF_HUB_OFFLINE": "1"}
    import datasets
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class InOrder(SFTTrainer):
        """Takes the rows in Luthier's order, so that the losses can be compared."""

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            epochs = iter(range(task.epochs))

            class Sampler(torch.utils.data.Sampler[int]):
                def __len__(self) -> int:
                    return len(task.rows)

                def __iter__(self) -> Iterator[int]:
                    return iter([i for step in task.order(next(epochs)) for i in step])

            return Sampler()

    class Pausing(TrainerCallback):
        def on_epoch_begin(self, *args: Any, **others: Any) -> None:
            pause()

    datasets.disable_progress_bars()
    rows = datasets.Dataset.from_list(
        [{"input_ids": row.tokens, "completion_mask": [int(t) for t in row.trained]} for row in task.rows]
    )
    folder = bases.tokenizer_folder(bases.find(task.base_model), Path(tempfile.gettempdir()) / "tokenizers")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    with tempfile.TemporaryDirectory() as out:
        config = SFTConfig(
            output_dir=out,
            use_cpu=True,
            completion_only_loss=True,
            num_train_epochs=task.epochs,
            per_device_train_batch_size=task.batch,
            learning_rate=task.learning_rate,
            lr_scheduler_type="cosine_with_min_lr",
            lr_scheduler_kwargs={"min_lr_rate": 0.1},
            warmup_steps=0,
            seed=task.seed,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **{"max_length": max(1024, *(len(row.tokens) for row in task.rows)), **settings},
        )
        in_order = not settings.keys() & {"packing", "train_sampling_strategy"}
        trainer = (InOrder if in_order else SFTTrainer)(
            model=task.adapted(precision),
            args=config,
            train_dataset=rows,
            processing_class=tokenizer,
            callbacks=[Pausing()],
        )
        trainer.train()
        return trainer.model


PLAIN = {"bf16": False, "gradient_checkpointing": False}
CONTENDERS: dict[str, Callable[[Task, Pause], Any]] = {
    "Luthier": luthier,
    "peft loop": peft_loop,
    "TRL, defaults": lambda task, pause: trl(task, pause, "float32"),
    "TRL, defaults in float32": lambda task, pause: trl(task, pause, "float32", bf16=False),
    "TRL, best precision": lambda task, pause: trl(task, pause, **PLAIN),
    "TRL, grouped by length": lambda task, pause: trl(
        task, pause, **PLAIN, train_sampling_strategy="group_by_length"
    ),
    "TRL, packed": lambda task, pause: trl(task, pause, **PLAIN, packing=True, max_length=1024),
}
