"""The training loop: same data order, same steps and same result however often it is interrupted."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING

import torch

from errors import TrainingFailed
from providers.gpu.device import is_out_of_memory
from providers.gpu.jobs import JobFolder
from providers.gpu.options import Options, examples_a_step
from providers.gpu.progress import Reporter, Stopped, StopSignal
from providers.gpu.template import TokenRow
from providers.gpu.training import adapter, checkpoint
from providers.gpu.training.batching import pack, steps_of_epoch
from providers.gpu.training.checkpoint import TrainingState
from providers.gpu.training.peers import ALONE, Peers
from providers.gpu.training.scoring import Scorer
from providers.gpu.training.watch import Watch, measured_every
from records import Recipe

if TYPE_CHECKING:
    from peft import PeftModel

SAVING_SHARE = 0.03  # of the time, at most, goes into checkpoints
SMALLEST_BUDGET = 16
EPOCHS_OF_REST = 2


def learning_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Of step 0, 1, … : linear up to the peak, then down along half a cosine to a tenth of it."""
    rising = math.ceil(warmup * steps)
    if step < rising:
        return peak * (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


class Trainer:
    def __init__(
        self,
        model: "PeftModel",
        scorer: Scorer,
        examples: Sequence[Sequence[TokenRow]],
        recipe: Recipe,
        budget: int,
        stop: StopSignal,
        holdout: Sequence[Sequence[TokenRow]] = (),
        peers: Peers = ALONE,
    ):
        self.model, self.scorer, self.examples, self.recipe = model, scorer, examples, recipe
        self.stop, self.peers = stop, peers
        self.options = Options.model_validate(recipe.options)
        self.budget = budget
        self.batch = examples_a_step(self.options, len(examples))
        self.epochs = recipe.epochs or 1
        self.steps_per_epoch = math.ceil(len(examples) / self.batch)
        self.steps = self.steps_per_epoch * self.epochs
        self.every = measured_every(self.steps_per_epoch, self.epochs)
        self.tokens = sum(len(row.tokens) for rows in examples for row in rows)
        self.watch = Watch(scorer, holdout, self.tokens * self.every / self.steps_per_epoch, budget, peers)
        self.weights = adapter.weights(model)
        # a job of an earlier version says nothing of it
        groups = adapter.groups(model, self.options.loraplus_ratio or 1.0)
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, weight_decay=self.options.weight_decay, fused=True)
        self.state = TrainingState()
        self.recomputes = False
        self.known_below = -math.log(self.options.known_at or 1.0)

    def run(self, job: JobFolder, report: Reporter) -> TrainingState:
        """Train from the last checkpoint, if there is one, to the end, and leave a checkpoint of it.

        Raises Stopped, after saving, if asked to stop; TrainingFailed if the loss is no number any more.
        """
        self.state = checkpoint.load(job.checkpoint, self.weights, self.optimizer)
        if self.state.steps == self.steps:
            return self.state
        if self.state.step:
            report.event(f"Going on from step {self.state.step} of {self.steps}.")
        saver = Saver(self, job, self.options.checkpoint_seconds)
        self.stop.patient = True
        try:
            with self._frozen_layers_read_once(report):
                self._train(saver, job, report)
        except Stopped:
            saver.save()
            raise
        if self.peers.leads:
            self._end(job, report)
        self.stop.patient = False
        self.stop.check()
        self.model.eval()
        return self.state

    def _train(self, saver: "Saver", job: JobFolder, report: Reporter) -> None:
        # a run may have been stopped between a step and its measurement
        self._measure_if_due(job, report)
        for step in self._steps_to_do():
            if self._learns_no_more():
                break
            self._timed_step(step, report)
            self._measure_if_due(job, report)
            saver.save_if_due()

    def _frozen_layers_read_once(self, report: Reporter) -> AbstractContextManager[None]:
        if self.peers.count > 1 or not adapter.has_layers_below(self.options):
            return nullcontext()
        report.say("Reading the examples through the layers below the adapter")
        held = self.watch.rows
        rows = chain(chain.from_iterable(self.examples), held)
        tokens = self.tokens + sum(len(row.tokens) for row in held)
        return self.scorer.reading_once(rows, tokens, self.budget, self.stop.check)

    def _learns_no_more(self) -> bool:
        """Whether the last few measurements gave no new lowest loss."""
        measured = [step for step, _ in self.state.holdout]
        patience = self.options.patience
        return bool(patience and measured and sum(step > self.state.best for step in measured) >= patience)

    def _measure_if_due(self, job: JobFolder, report: Reporter) -> None:
        state = self.state
        due = state.step and (state.step % self.every == 0 or state.step == self.steps)
        if not due or (state.holdout and state.holdout[-1][0] == state.step):
            return
        since = state.losses[-((state.step - 1) % self.every + 1) :]
        figures = {"step": float(state.step), "loss": sum(since) / len(since)}
        held = self.watch.measure(self.stop.check)
        if held is not None:
            if not math.isfinite(held):
                raise checkpoint.diverged(state.step)
            figures["holdout_loss"] = held
            if not state.best or held < dict(state.holdout)[state.best]:
                state.best = state.step
                if self.peers.leads:
                    checkpoint.keep_best(job.checkpoint, self.weights, state.step)
            state.holdout.append((state.step, held))
        report.measured(state, state.step / self.steps_per_epoch, self.epochs, figures)

    def _end(self, job: JobFolder, report: Reporter) -> None:
        """Take the best adapter, and leave it in the checkpoint."""
        state = self.state
        if state.step < self.steps:
            report.event(
                f"Stopped early, after step {state.step} of {self.steps}: the loss on held-out examples "
                "does not fall any more."
            )
        if state.best not in (0, state.step):
            checkpoint.take_best(job.checkpoint, self.weights)
            report.event(f"The adapter of step {state.best} is kept: there the held-out loss was lowest.")
        state.steps = self.steps
        checkpoint.save(job.checkpoint, state, self.weights, self.optimizer)

    def _steps_to_do(self) -> Iterator[list[int]]:
        lengths = [sum(len(row.tokens) for row in rows) for rows in self.examples]
        for epoch in range(self.state.step // self.steps_per_epoch, self.epochs):
            done = self.state.step - epoch * self.steps_per_epoch
            steps = steps_of_epoch(lengths, self.batch, self.recipe.seed, epoch, not self.scorer.shares)
            yield from steps[done:]

    def _timed_step(self, chosen: list[int], report: Reporter) -> None:
        started = time.monotonic()
        state = self.state
        rate = learning_rate(state.step, self.steps, self.recipe.learning_rate or 2e-4, self.options.warmup)
        epoch = state.step // self.steps_per_epoch
        awake = [i for i in chosen if not self._rests(i, epoch)]
        trained = sum(sum(row.trained) for i in chosen for row in self.examples[i])
        losses = dict(zip(awake, self._step_within_memory(awake, trained, rate, report), strict=True))
        state.step += 1
        # an example that rests counts with what it lost when it was last read
        resting = sum(state.readings[i][1] for i in chosen if i not in losses)
        state.losses.append((sum(losses.values()) + resting) / trained)
        if self.known_below:
            state.readings |= {i: (epoch, loss) for i, loss in losses.items()}
        state.tokens += sum(len(row.tokens) for i in awake for row in self.examples[i])
        state.seconds += time.monotonic() - started
        recent = state.losses[-10:]
        report.trained(state, self.steps, state.step / self.steps_per_epoch, sum(recent) / len(recent), rate)

    def _rests(self, example: int, epoch: int) -> bool:
        """Whether its answers were known when it was last read: going through it would hardly teach more."""
        read_in, loss = self.state.readings.get(example, (epoch, math.inf))
        return loss < self.known_below and epoch - read_in <= EPOCHS_OF_REST

    def _step_within_memory(
        self, awake: list[int], trained: int, rate: float, report: Reporter
    ) -> Sequence[float]:
        """Where memory runs out, compute fewer tokens at once; the step stays the same."""
        while True:
            try:
                losses = self.peers.together(lambda: self._gradients(awake, trained))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._ask_for_less([row for i in awake for row in self.examples[i]], report, error)
            else:
                return self._learn(losses, rate)

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

    def _gradients(self, awake: list[int], trained: int) -> torch.Tensor:
        """Those of this process's share of the examples' rows, of the mean loss over all trained tokens.

        Gives what it found each example to lose, in nats.
        """
        owned = [(place, row) for place, i in enumerate(awake) for row in self.examples[i]]
        mine = [owned[i] for i in self.peers.share([len(row.tokens) for _, row in owned])]
        owners = torch.tensor([place for place, _ in mine], dtype=torch.long)
        found = torch.zeros(len(awake))
        for batch in pack([row for _, row in mine], self.budget, self.scorer.shares):
            self.stop.check()
            losses = self.scorer.losses(batch)
            (losses.sum() / trained).backward()
            found.index_add_(0, owners[batch.rows], losses.detach().float().cpu())
        return found

    def _learn(self, found: torch.Tensor, rate: float) -> list[float]:
        """One optimiser step by the gradients of all processes; gives what each example lost."""
        for weight in self.weights.values():
            # where all examples rest, or a process's share is empty, there is none
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        self.peers.add_up([found, *(weight.grad for weight in self.weights.values())])
        norm = torch.nn.utils.clip_grad_norm_(self.weights.values(), self.options.clip)
        if not torch.isfinite(found).all() or not torch.isfinite(norm):
            raise checkpoint.diverged(self.state.step + 1)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["ratio"]
        self.optimizer.step()
        self.optimizer.zero_grad()
        losses: list[float] = found.tolist()
        return losses


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
        if self.trainer.state.step == self.saved_step or not self.trainer.peers.leads:
            return
        started = time.monotonic()
        checkpoint.save(self.job.checkpoint, self.trainer.state, self.trainer.weights, self.trainer.optimizer)
        self.saved_at = time.monotonic()
        self.cost = self.saved_at - started
        self.saved_step = self.trainer.state.step
