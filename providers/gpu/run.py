"""One job from its folder to its adapter: train, evaluate, export. Every stage is skipped if it is done."""

import math
import os
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from errors import InvalidData, NotConfigured, TrainingFailed
from providers.gpu import bases, device
from providers.gpu.answers import golden
from providers.gpu.answers.evaluation import Evaluator, Question
from providers.gpu.answers.generation import Speaker
from providers.gpu.answers.golden import Golden
from providers.gpu.estimate import weight_bytes
from providers.gpu.export import published
from providers.gpu.jobs import JobFolder, TrainerResult, messages_of, write_atomically
from providers.gpu.options import Options, examples_a_step
from providers.gpu.progress import Reporter, StopSignal
from providers.gpu.template import Template, TokenRow
from providers.gpu.training import adapter, checkpoint, kernels
from providers.gpu.training.batching import token_budget
from providers.gpu.training.peers import ALONE, Peers, followed, joined
from providers.gpu.training.scoring import Scorer
from providers.gpu.training.tokenised import Examples, tokenised
from providers.gpu.training.trainer import Trainer
from records import Answer

if TYPE_CHECKING:
    from peft import PeftModel


class Run:
    """What the stages of one job share; made when first needed, since a finished stage needs little of it."""

    def __init__(self, job: JobFolder, home: Path, report: Reporter, stop: StopSignal, rank: int = 0):
        self.job, self.home, self.report, self.stop, self.rank = job, home, report, stop, rank
        self.spec = job.read_spec()
        self.recipe = self.spec.recipe
        self.options = Options.model_validate(self.recipe.options)
        self.base = bases.find(self.recipe.base_model)
        self.limit = bases.row_limit(self.base, self.options)
        self.count = device.processes(self.options)

    def all_stages(self) -> None:
        """Raises LuthierError for what a person can mend, Stopped if asked to stop."""
        if not self.job.result.exists():
            self.train()
            answers = self.evaluate()
            if not self.job.adapter.exists():
                self.report.say("Saving the adapter")
                published.write(
                    self.job.adapter, self.model, self.base, self.template.folder, self.state, self.golden()
                )
            self._write_result(answers)
        # the moments of the optimiser are three times the adapter, and of no use any more
        checkpoint.remove(self.job.checkpoint)

    @cached_property
    def template(self) -> Template:
        return Template(bases.tokenizer_folder(self.base, self.home / "cache"))

    @cached_property
    def examples(self) -> Examples:
        """The training rows of each example; examples without a token to learn are left out."""
        examples = tokenised(self.job.train, self.template, self.limit, self.home / "cache")
        if examples.lost:
            self.report.event(
                f"Left out, with nothing to learn in their first {self.limit} tokens: "
                f"{examples.lost} examples.",
                "warning",
            )
        if not examples:
            raise InvalidData(
                "No example has an answer within the tokens that the base model may read.",
                "Give examples that end with the assistant's answer, or raise the option max_tokens.",
            )
        return examples

    @cached_property
    def questions(self) -> list[Question]:
        """What is held out: it stops the training where nothing more is learned, and measures the result."""
        asked = (
            Question.of(messages, self.template, self.limit) for messages in messages_of(self.job.holdout)
        )
        return [question for question in asked if question]

    @cached_property
    def model(self) -> "PeftModel":
        self.report.say("Loading the base model")
        config = bases.config(self.base)
        stored = config.get("dtype") or config.get("torch_dtype")
        place = device.choose(self.options, stored, self.rank, self.count)
        device.settle(place)
        quantize = device.wants_four_bit(self.options, place, weight_bytes(config), config["model_type"])
        base = bases.load(self.base, place, quantize)
        kind = "in 4 bits" if quantize else f"in {place.precision}"
        self.report.event(f"Base model {self.base.id} loaded {kind} on {place.name}.")
        model = adapter.attach(base, self.recipe, self.options)
        kernels.speed_up(model, self.count)
        return model

    @cached_property
    def scorer(self) -> Scorer:
        longest = max(len(row.tokens) for rows in self.examples for row in rows)
        self._must_fit_embeddings()
        scorer = Scorer(self.model.get_base_model(), self.options.share_prefixes, longest)
        if not scorer.shares:
            self.report.event(f"Prefixes are not shared: {scorer.why_not_shared}. Rows are padded by length.")
        return scorer

    def _must_fit_embeddings(self) -> None:
        """Raises NotConfigured for tokens of the tokenizer that the base has no embedding for."""
        known = self.model.get_input_embeddings().weight.shape[0]
        asked = [max(row.tokens) for question in self.questions for row in question.rows]
        highest = max([self.examples.highest, *asked])
        if highest >= known:
            raise NotConfigured(
                f"The tokenizer of the base model {self.base.id} makes a token {highest}, "
                f"and the model knows {known} tokens, counted from 0.",
                "Give the base with its own tokenizer, or give its embeddings the missing rows "
                "(`resize_token_embeddings`) and save it again.",
            )

    @cached_property
    def state(self) -> checkpoint.TrainingState:
        """The trained state; its weights are in the model."""
        return checkpoint.load(self.job.checkpoint, adapter.weights(self.model), None)

    def train(self) -> None:
        self.report.say("Reading the examples")
        trainer = self.trainer(ALONE)
        if checkpoint.has_ended(self.job.checkpoint, trainer.steps):
            return
        together = f", by {self.count} processes" if self.count > 1 else ""
        top = self.options.top_layers or 1.0
        upper = f", on the upper {top:.0%} of the layers" if top < 1 else ""
        rest = f"; examples known at {known:.0%} rest" if (known := self.options.known_at or 1.0) < 1 else ""
        epochs = "1 epoch" if trainer.epochs == 1 else f"{trainer.epochs} epochs"
        self.report.event(
            f"Training on {len(self.examples)} examples: {epochs}, {trainer.steps} steps of {trainer.batch}, "
            f"learning rate {self.recipe.learning_rate:g}, rank {self.recipe.rank}{upper}{rest}{together}."
        )
        with followed(self.job, self.count, self._lost):
            self.join()

    def join(self) -> None:
        """Train, together with the job's other processes if there are any."""
        with joined(self.job, self.rank, self.count, self.scorer.device) as peers:
            self.state = self.trainer(peers).run(self.job, self.report)

    def trainer(self, peers: Peers) -> Trainer:
        budget = token_budget(self.options, "cuda" if self.scorer.device != "cpu" else "cpu")
        held = [question.rows for question in self.questions]
        return Trainer(self.model, self.scorer, self.examples, self.recipe, budget, self.stop, held, peers)

    def _lost(self, status: int) -> None:
        """One of the processes has died: told from another thread, since this one's may wait for it."""
        if self.stop.requested:
            return
        error = TrainingFailed(
            f"One of the {self.count} processes that train together ended with status {status}.",
            "`luthier jobs retry JOB` goes on from the last checkpoint; the job's trainer.log tells more.",
            transient=True,
        )
        self.report.finish("failed", error.message, error.failure)
        os._exit(error.exit_code)

    def evaluate(self) -> list[Answer]:
        if self.job.answers.exists():
            return self.job.read_answers()
        self.report.event(f"Comparing with the base model, after step {self.state.best or self.state.step}.")
        if not self.questions:
            return []
        speaker = Speaker(self.scorer.model, self.template)
        evaluator = Evaluator(self.model, self.scorer, speaker, self.options, longest_answer(self.examples))
        return evaluator.run(self.questions, self.job, self.report, self.stop.check)

    def golden(self) -> Golden:
        """What whoever serves the adapter is held against; of the held-out prompts, if there are any."""
        held = self.job.holdout if self.questions else self.job.train
        speaker = Speaker(self.scorer.model, self.template)
        longest = min(golden.LONGEST_PROMPT, speaker.context - golden.LONGEST_ANSWER)
        return golden.made(speaker, golden.chosen(messages_of(held), self.template, longest))

    def _write_result(self, answers: Sequence[Answer]) -> None:
        state = self.state
        kept = state.best or state.step
        epoch = math.ceil(len(self.examples) / examples_a_step(self.options, len(self.examples)))
        last = state.losses[max(0, kept - epoch) : kept]
        metrics = {
            "kept_step": float(kept),
            "loss": sum(last) / len(last),
            "final_loss": state.losses[-1],
            "steps": float(state.step),
            "tokens": float(state.tokens),
            "training_seconds": round(state.seconds, 2),
            "tokens_per_second": round(state.tokens / max(state.seconds, 1e-9), 1),
            "adapter_parameters": float(sum(value.numel() for value in adapter.weights(self.model).values())),
        } | holdout_losses(answers)
        result = TrainerResult(
            base_name=self.base.public_id, base_revision=bases.revision(self.base), metrics=metrics
        )
        write_atomically(self.job.result, result.model_dump_json())


def longest_answer(examples: Sequence[Sequence[TokenRow]]) -> int:
    """Tokens of the longest answer, the end token included."""
    runs = (groupby(row.trained) for rows in examples for row in rows)
    return max(len(list(run)) for row in runs for trained, run in row if trained)


def holdout_losses(answers: Sequence[Answer]) -> dict[str, float]:
    """Loss a token over the whole holdout, for both models."""
    tokens = sum(answer.tokens for answer in answers)
    if not tokens:
        return {}
    return {
        "base_loss": sum((answer.base_loss or 0.0) * answer.tokens for answer in answers) / tokens,
        "tuned_loss": sum((answer.tuned_loss or 0.0) * answer.tokens for answer in answers) / tokens,
    }
