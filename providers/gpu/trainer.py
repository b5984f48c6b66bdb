"""The training loop: same data order, same steps and same result however often it is interrupted."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from errors import TrainingFailed
from providers.gpu import adapter, checkpoint
from providers.gpu.batching import pack, steps_of_epoch
from providers.gpu.checkpoint import TrainingState
from providers.gpu.jobs import JobFolder
from providers.gpu.options import Options, examples_a_step
from providers.gpu.progress import Reporter, Stopped, StopSignal
from providers.gpu.scoring import Scorer
from providers.gpu.template import TokenRow
from records import Recipe

if TYPE_CHECKING:
    from peft import PeftModel

SAVING_SHARE = 0.03  # of the time, at most, goes into checkpoints
SMALLEST_BUDGET = 16


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Of step 0, 1, … : linear up to the peak, then down along half a cosine to a tenth of it."""
    rising = math.ceil(warmup * steps)
    if step < rising:
        return peak * (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA raises a class of its own, the processor's allocator only words."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


class Trainer:
    def __init__(
        self,
        model: "PeftModel",
        scorer: Scorer,
        examples: Sequence[Sequence[TokenRow]],
        recipe: Recipe,
        budget: int,
        stop: StopSignal,
    ):
        self.model, self.scorer, self.examples, self.recipe = model, scorer, examples, recipe
        self.stop = stop
        self.options = Options.model_validate(recipe.options)
        self.budget = budget
        self.batch = examples_a_step(self.options, len(examples))
        self.epochs = recipe.epochs or 1
        self.steps_per_epoch = math.ceil(len(examples) / self.batch)
        self.steps = self.steps_per_epoch * self.epochs
        self.weights = adapter.weights(model)
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=0.0, weight_decay=self.options.weight_decay, fused=True
        )
        self.state = TrainingState()
        self.recomputes = False

    def run(self, job: JobFolder, report: Reporter) -> TrainingState:
        """Train from the last checkpoint, if there is one, to the end, and leave a checkpoint of it.

        Raises Stopped, after saving, if asked to stop; TrainingFailed if the loss is no number any more.
        """
        self.state = checkpoint.load(job.checkpoint, self.weights, self.optimizer)
        if self.state.step:
            report.event(f"Going on from step {self.state.step} of {self.steps}.")
        saver = Saver(self, job, self.options.checkpoint_seconds)
        self.stop.patient = True
        try:
            for epoch, step in self._steps_to_do():
                self._timed_step(epoch, step, report)
                saver.save_if_due()
                if self.state.step % self.steps_per_epoch == 0:
                    mean = sum(self.state.losses[-self.steps_per_epoch :]) / self.steps_per_epoch
                    done = f"Epoch {epoch + 1} of {self.epochs}: loss {mean:.4f}."
                    report.event(done, metrics={"loss": mean})
        except Stopped:
            saver.save()
            raise
        saver.save()
        self.stop.patient = False
        self.stop.check()
        self.model.eval()
        return self.state

    def _steps_to_do(self) -> Iterator[tuple[int, list[int]]]:
        lengths = [sum(len(row.tokens) for row in rows) for rows in self.examples]
        for epoch in range(self.state.step // self.steps_per_epoch, self.epochs):
            done = self.state.step - epoch * self.steps_per_epoch
            steps = steps_of_epoch(lengths, self.batch, self.recipe.seed, epoch, not self.scorer.shares)
            for step in steps[done:]:
                yield epoch, step

    def _timed_step(self, epoch: int, chosen: list[int], report: Reporter) -> None:
        started = time.monotonic()
        rows = [row for i in chosen for row in self.examples[i]]
        rate = learning_rate(
            self.state.step, self.steps, self.recipe.learning_rate or 2e-4, self.options.warmup
        )
        loss = self._step_within_memory(rows, rate, report)
        state = self.state
        state.step += 1
        state.losses.append(loss)
        state.tokens += sum(len(row.tokens) for row in rows)
        state.seconds += time.monotonic() - started
        recent = state.losses[-10:]
        epochs_done = state.step / self.steps_per_epoch
        report.trained(state.step, self.steps, state.tokens, epochs_done, sum(recent) / len(recent), rate)

    def _step_within_memory(self, rows: list[TokenRow], rate: float, report: Reporter) -> float:
        """Where memory runs out, compute fewer tokens at once; the step stays the same."""
        while True:
            try:
                return self._step(rows, rate)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._ask_for_less(rows, report, error)

    def _ask_for_less(self, rows: list[TokenRow], report: Reporter, error: RuntimeError) -> None:
        self.optimizer.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        longest = max(len(row.tokens) for row in rows)
        if self.budget > SMALLEST_BUDGET:
            self.budget = max(self.budget // 2, SMALLEST_BUDGET)
            report.event(f"Out of memory: computing {self.budget} tokens at once from here on.", "warning")
        elif not self.recomputes:
            self.recomputes = True
            self.model.train()  # transformers recomputes in this mode only; all dropout is off
            self.model.enable_input_require_grads()
            self.scorer.model.gradient_checkpointing_enable({"use_reentrant": False})
            report.event("Out of memory: recomputing activations from here on, which is slower.", "warning")
        else:
            raise TrainingFailed(
                f"The memory is too small for a row of {longest} tokens.",
                "Cut the rows (option max_tokens), take a smaller base model, or 4 bits (option quantize).",
            ) from error

    def _step(self, rows: list[TokenRow], rate: float) -> float:
        """One optimiser step over all trained tokens of the rows, each with the same weight."""
        trained = sum(sum(row.trained) for row in rows)
        loss = 0.0
        for batch in pack(rows, self.budget, self.scorer.shares):
            self.stop.check()
            part = self.scorer.loss(batch) / trained
            part.backward()
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(self.weights.values(), self.options.clip)
        if not math.isfinite(loss) or not torch.isfinite(norm):
            raise checkpoint.diverged(self.state.step + 1)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss


class Saver:
    """Checkpoints at intervals that keep their share of the time small."""

    def __init__(self, trainer: Trainer, job: JobFolder, seconds: float):
        self.trainer, self.job, self.seconds = trainer, job, seconds
        self.cost = 0.0
        self.saved_at = time.monotonic()
        self.saved_step = trainer.state.step

    def save_if_due(self) -> None:
        wait = max(self.seconds, self.cost / SAVING_SHARE) if self.seconds else 0.0
        if time.monotonic() - self.saved_at >= wait:
            self.save()

    def save(self) -> None:
        if self.trainer.state.step == self.saved_step:
            return
        started = time.monotonic()
        checkpoint.save(self.job.checkpoint, self.trainer.state, self.trainer.weights, self.trainer.optimizer)
        self.saved_at = time.monotonic()
        self.cost = self.saved_at - started
        self.saved_step = self.trainer.state.step
