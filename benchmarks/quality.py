"""What an adapter has learned, by Luthier's defaults and by TRL's SFTTrainer: same base, rows and holdout.

    pip install -e '.[bench]'
    python -m benchmarks.quality FILE … [--rows 100] [--use-case TEXT]

A file is prepared as `luthier prepare` does it. Luthier chooses epochs, learning rate and layers by itself,
and stops when the held-out loss rises. TRL trains all layers for as many epochs, at Luthier's rate and at the
one that its guide advises for LoRA, rows grouped by length, in the best precision, without recomputing; then
once more, at its better rate, as many steps as fit into the time that Luthier took. Time is the processor's,
so that other work on the machine weighs on nobody. One scorer measures all: loss a token of the held-out
answers, and how many answers of labelled data are right to the letter.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.contenders import BEST_PRECISION, PLAIN, Task, trl
from providers.gpu import bases
from providers.gpu.answers.evaluation import Evaluator, Question
from providers.gpu.answers.generation import Speaker
from providers.gpu.jobs import JobFolder, messages_of
from providers.gpu.options import Options, completed, examples_a_step, planned, row_limit
from providers.gpu.progress import Reporter, StopSignal
from providers.gpu.run import longest_answer
from providers.gpu.template import Template, TokenRow
from providers.gpu.training import kernels
from providers.gpu.training.batching import token_budget
from providers.gpu.training.scoring import Scorer
from providers.gpu.training.trainer import Trainer
from records import Dataset, Recipe

TRL_RATE = 2e-4
TRL_BEST: dict[str, Any] = {**PLAIN, "train_sampling_strategy": "group_by_length"}


class Trial(NamedTuple):
    """What all train on and are measured by."""

    recipe: Recipe
    kind: str
    rows: list[TokenRow]
    questions: list[Question]

    @property
    def steps(self) -> int:
        return -(-len(self.rows) // examples_a_step(Options(), len(self.rows)))


class Learned(NamedTuple):
    """`seconds` of the processor, training alone; `loss` in nats a token; `right` answers of `asked`."""

    seconds: float
    loss: float
    right: int
    asked: int


def prepared(source: Path, use_case: str, work: Path) -> Dataset:
    from preparation.clean import clean
    from preparation.ingest import ingest
    from preparation.structure import structure

    rows = clean(ingest([str(source)], work / "ingest"), work / "clean")
    return structure(rows, work / "structure", use_case=use_case)


def trial_of(dataset: Dataset, base_model: str, count: int) -> Trial:
    """The first `count` dialogues of one answer each, with all that is held out."""
    template = tokens_of(base_model)
    limit = row_limit(base_model, Options())
    dialogues = (template.rows(messages) for messages in messages_of(Path(dataset.train_uri)))
    rows = [made[0].cut(limit) for made in dialogues if len(made) == 1][:count]
    asked = (Question.of(messages, template, limit) for messages in messages_of(Path(dataset.holdout_uri)))
    settings = completed(Options(), base_model, dataset.kind, len(rows)).model_dump()
    recipe = planned(Recipe(base_model=base_model, options=settings), len(rows), dataset.kind)
    return Trial(recipe, dataset.kind, rows, [question for question in asked if question])


def tokens_of(base_model: str) -> Template:
    folder = Path(tempfile.gettempdir()) / "luthier-benchmark"
    return Template(bases.tokenizer_folder(bases.find(base_model), folder))


def task_of(trial: Trial, rate: float = TRL_RATE) -> Task:
    recipe = trial.recipe
    return Task(
        recipe.base_model,
        trial.rows,
        epochs=recipe.epochs or 1,
        batch=examples_a_step(Options(), len(trial.rows)),
        learning_rate=rate,
        rank=recipe.rank or 16,
        seed=recipe.seed,
    )


def untrained(trial: Trial) -> Learned:
    return measured(trial, task_of(trial).adapted(), 0.0)


def by_luthier(trial: Trial) -> Learned:
    options = Options.model_validate(trial.recipe.options)
    model = replace(task_of(trial), top_layers=options.top_layers or 1.0).adapted()
    kernels.speed_up(model)
    scorer = Scorer(model.get_base_model())
    examples, held = [[row] for row in trial.rows], [question.rows for question in trial.questions]
    budget = token_budget(options, "cpu")
    start = time.process_time()
    trainer = Trainer(model, scorer, examples, trial.recipe, budget, StopSignal(), held)
    with tempfile.TemporaryDirectory() as folder:
        job = JobFolder(Path(folder))
        trainer.run(job, Reporter(job))
    return measured(trial, model, time.process_time() - start)


def by_trl(trial: Trial, rate: float, steps: int = -1) -> Learned:
    started: list[float] = []
    begin = partial(_note, started)
    model = trl(task_of(trial, rate), begin, BEST_PRECISION, **TRL_BEST, max_steps=steps)
    return measured(trial, model, time.process_time() - started[0])


def _note(started: list[float]) -> None:
    started.append(time.process_time())


def measured(trial: Trial, model: Any, seconds: float) -> Learned:
    model.eval()
    base = model.get_base_model()
    labelled = trial.kind == "classify"
    options = Options(evaluate_examples=len(trial.questions) if labelled else 0)
    speaker = Speaker(base, tokens_of(trial.recipe.base_model))
    longest = longest_answer([[row] for row in trial.rows])
    losses, texts = Evaluator(model, Scorer(base), speaker, options, longest).alone(trial.questions)
    weights = [sum(sum(row.trained) for row in question.rows) for question in trial.questions]
    loss = sum(one * weight for one, weight in zip(losses, weights, strict=True)) / sum(weights)
    right = sum(
        text == question.expected for text, question in zip(texts, trial.questions, strict=True) if labelled
    )
    return Learned(seconds, loss, right, len(trial.questions) if labelled else 0)


def apart(learn: Callable[..., Learned], *given: Any) -> Learned:
    """In a process of its own: libraries that one contender changes don't touch the next."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(learn, *given).result()


def compared(trial: Trial) -> None:
    ours, epochs = trial.recipe.learning_rate or TRL_RATE, trial.recipe.epochs or 1
    row("base, untrained", "", apart(untrained, trial))
    luthier = apart(by_luthier, trial)
    row("Luthier, defaults", f"up to {epochs} epochs, {ours:g}", luthier)
    found: dict[float, Learned] = {}
    for rate in (ours, TRL_RATE):
        found[rate] = apart(by_trl, trial, rate)
        row("TRL, equal epochs", f"{epochs} epochs, {rate:g}", found[rate])
    best = min(found, key=lambda rate: found[rate].loss)
    steps = max(1, round(trial.steps * epochs * luthier.seconds / found[best].seconds))
    row("TRL, equal time", f"{steps / trial.steps:.1f} epochs, {best:g}", apart(by_trl, trial, best, steps))


def row(name: str, setting: str, learned: Learned) -> None:
    right = f"{learned.right} of {learned.asked}" if learned.asked else "–"
    print(f"| {name} | {setting} | {learned.seconds:.0f} s | {learned.loss:.4f} | {right} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--rows", type=int, default=100, help="that are trained on, at most")
    parser.add_argument("--use-case", default="Answer as our team would", help="the system message")
    parser.add_argument("--base-model", default="smollm2-135m")
    chosen = parser.parse_args()
    for source in chosen.sources:
        with tempfile.TemporaryDirectory() as work:
            dataset = prepared(source, chosen.use_case, Path(work))
            trial = trial_of(dataset, chosen.base_model, chosen.rows)
        tokens = sum(len(row.tokens) for row in trial.rows) / len(trial.rows)
        print(f"\n{source.name}: {len(trial.rows)} rows of {tokens:.0f} tokens ({trial.kind}),", end=" ")
        print(f"{len(trial.questions)} held out; {torch.__version__}, {BEST_PRECISION},", end=" ")
        print(f"load {os.getloadavg()[0]:.1f}\n")
        print("| trained by | setting | processor time | held-out loss | right |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        compared(trial)


if __name__ == "__main__":
    main()
