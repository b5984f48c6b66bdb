"""Training speed, memory and loss of Luthier and its rivals on the same rows, interleaved in one run.

    pip install -e '.[bench]'
    python -m benchmarks.training [--data long short none] [--rows 32] [--epochs 6] [--top-layers 0.5]

Each contender is a process of its own that trains on through the epochs; they take turns, one epoch each, so
that whatever else the machine does falls on all alike. The first epoch warms up, the medians are of the
others. A training is as many epochs as Luthier gives to 150 labels or more: the first, with what comes before
its first step, and the median for each of the others. Tokens are those of the rows, without padding, a shared
beginning counted in every row. A token that has a loss is the same for all, the adapter begins alike, the
rates fall by the same schedule, and the rows come in the same order, but where a setting is about the order
(grouped, packed). The loss is that of the training rows after the last epoch, measured by one scorer.
"""

import argparse
import csv
import multiprocessing
import os
import random
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.contenders import BEST_PRECISION, CONTENDERS, Task
from providers.gpu import bases
from providers.gpu.device import ENVIRONMENT
from providers.gpu.estimate import parameters
from providers.gpu.options import FEW, planned
from providers.gpu.template import Template, TokenRow
from providers.gpu.training.batching import pack, shared_length
from providers.gpu.training.scoring import Scorer
from records import Message, Recipe

EXAMPLES = Path(__file__).parents[1] / "examples" / "tickets.csv"
SHORT = "Route the ticket to its queue."
LONG = """You route support tickets of an online shop. Read the whole ticket before you decide. Answer with a
queue alone: no greeting, no reason, no full stop. If a ticket names two concerns, take the one that the
customer wants solved first. Questions about an invoice or a payment go to billing, even if the parcel is
late. A broken article goes to warranty if it was bought more than a month ago, and to returns if not.
Never answer with a queue that is not on the list, and never answer the customer."""

# threads that wait would spin for long, and take the time of whose turn it is
TAKING_TURNS = {"GOMP_SPINCOUNT": ENVIRONMENT["GOMP_SPINCOUNT"]}
# of a training
EPOCHS = planned(Recipe(base_model="smollm2-135m"), FEW, "classify").epochs or 1


@dataclass
class Figures:
    seconds: list[float] = field(default_factory=list)  # one an epoch
    processor: list[float] = field(default_factory=list)
    memory: float = 0.0  # bytes, at most
    loss: float = 0.0  # nats a trained token


def rows_of(kind: str, count: int, template: Template) -> list[TokenRow]:
    """Tickets with their queue: behind a short or long common beginning, or each behind words of its own."""
    with EXAMPLES.open(encoding="utf-8") as file:
        tickets = list(csv.DictReader(file))[: 2 * count]
    random.Random(17).shuffle(tickets)
    made = []
    for number, ticket in enumerate(tickets[:count]):
        other = tickets[(number + count) % len(tickets)]["ticket"]
        system = {"short": SHORT, "long": LONG, "none": f"{number}: {other}"}[kind]
        turns = [("system", system), ("user", ticket["ticket"]), ("assistant", ticket["queue"])]
        made += template.rows([Message(role=role, content=text) for role, text in turns])
    return made


def work(name: str, task: Task, line: Connection) -> None:
    """In a process of its own: train, waiting for the word before every epoch."""
    figures = Figures()
    marks: list[tuple[float, float]] = []

    def close() -> None:
        if marks:
            began, used = marks[-1]
            figures.seconds.append(time.perf_counter() - began)
            figures.processor.append(time.process_time() - used)

    def pause() -> None:
        close()
        line.send("waiting")
        line.recv()
        marks.append((time.perf_counter(), time.process_time()))

    model = CONTENDERS[name](task, pause)
    close()
    figures.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    scorer = Scorer(model.get_base_model() if hasattr(model, "get_base_model") else model)
    with torch.inference_mode():
        losses = [scorer.losses(batch) for batch in pack(task.rows, 768, scorer.shares)]
    figures.loss = float(torch.cat(losses).mean())
    line.send(figures)


def started_with(variables: dict[str, str]) -> None:
    """What the next process finds in its environment."""
    for variable in ENVIRONMENT:
        os.environ.pop(variable, None)
    os.environ.update(variables)


def compared(names: Sequence[str], task: Task) -> dict[str, Figures]:
    """All contenders, epoch by epoch in turn."""
    context = multiprocessing.get_context("spawn")
    lines, processes = {}, []
    for name in names:
        started_with(ENVIRONMENT if name == "Luthier" else TAKING_TURNS)
        lines[name], other = context.Pipe()
        processes.append(context.Process(target=work, args=(name, task, other)))
        processes[-1].start()
        # then the end of the process is the end of the line, and nobody waits for ever
        other.close()
        lines[name].recv()
    done: dict[str, Figures] = {}
    for _ in range(task.epochs):
        for name in names:
            try:
                lines[name].send("go")
                answer = lines[name].recv()
            except (EOFError, BrokenPipeError):
                raise SystemExit(
                    f"{name} has died, of too little memory perhaps: try fewer with --only"
                ) from None
            if isinstance(answer, Figures):
                done[name] = answer
    for process in processes:
        process.join()
    return done


def matmul_peak(threads: int) -> float:
    """Multiply-adds a second of one large product, doubled, in the precision that is trained in."""
    torch.set_num_threads(threads)
    one = torch.randn(2048, 2048).to(getattr(torch, BEST_PRECISION))
    best = float("inf")
    for _ in range(8):
        start = time.process_time()
        one @ one
        best = min(best, time.process_time() - start)
    return 2 * 2048**3 / best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["long", "short", "none"])
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--top-layers", type=float, default=1.0, help="share that has an adapter, for all")
    parser.add_argument("--base-model", default="smollm2-135m")
    parser.add_argument("--only", nargs="+", default=list(CONTENDERS))
    chosen = parser.parse_args()
    base = bases.find(chosen.base_model)
    template = Template(bases.tokenizer_folder(base, Path(tempfile.gettempdir()) / "luthier-benchmark"))
    task = Task(chosen.base_model, [], chosen.epochs, top_layers=chosen.top_layers)
    if chosen.threads:
        task = replace(task, threads=chosen.threads)
    peak = matmul_peak(task.threads)
    print(
        f"{torch.__version__}, {task.threads} threads, {BEST_PRECISION}, load {os.getloadavg()[0]:.1f};",
        end=" ",
    )
    print(f"a 2048-wide product reaches {peak / 1e9:.0f} GFLOPS a processor")
    for kind in chosen.data:
        task = replace(task, rows=rows_of(kind, chosen.rows, template))
        report(kind, task, compared(chosen.only, task), peak, base)


def a_training(figures: Figures) -> float:
    """Seconds, of `EPOCHS`."""
    return figures.seconds[0] + (EPOCHS - 1) * median(figures.seconds[1:])


def report(kind: str, task: Task, found: dict[str, Figures], peak: float, base: bases.Base) -> None:
    rows = task.rows
    tokens = sum(len(row.tokens) for row in rows)
    ordered = sorted((np.asarray(row.tokens) for row in rows), key=list)
    shared = shared_length(ordered[0], ordered[-1])
    print(f"\n{kind}: {len(rows)} rows of {tokens / len(rows):.0f} tokens, {shared} in common", end=" ")
    print(f"(load {os.getloadavg()[0]:.1f})\n")
    print("| trainer | tokens/s | times slower | by CPU | in a training | peak memory | loss | of peak |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    first = next(iter(found.values()))
    size = parameters(bases.config(base))
    for name, figures in found.items():
        seconds, processor = median(figures.seconds[1:]), median(figures.processor[1:])
        # what a row costs alone, forward and back to the adapter: above 1 where work is saved
        share = 2 * size * (1 + task.top_layers) * tokens / processor / peak
        print(
            f"| {name} | {tokens / seconds:.0f} "
            f"| {seconds / median(first.seconds[1:]):.2f} | {processor / median(first.processor[1:]):.2f} "
            f"| {a_training(figures) / a_training(first):.2f} "
            f"| {figures.memory / 1e9:.2f} GB | {figures.loss:.4f} | {share:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
