"""An evaluation: losses of held-out answers, and answers to their prompts, beside transformers' `generate`.

    luthier models download MODEL; luthier datasets export DATASET
    python -m benchmarks.answering ADAPTER.zip EXAMPLES.jsonl [--prompts 100]

Luthier measures the losses of the first examples and answers their prompts, by the tuned model and by its
base, as after a training. `generate` only answers, by the tuned model: prompts of like length in groups of
sixteen, then one by one. Both stop at the same number of tokens; equal answers are counted.
"""

import argparse
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.contenders import BEST_PRECISION
from providers.gpu import bases, device
from providers.gpu.answers import greedy
from providers.gpu.answers.evaluation import Evaluator, Question
from providers.gpu.answers.generation import Speaker
from providers.gpu.jobs import messages_of
from providers.gpu.options import Options, row_limit
from providers.gpu.run import longest_answer
from providers.gpu.template import Template
from providers.gpu.training import kernels
from providers.gpu.training.scoring import Scorer

GROUP = 16
T = TypeVar("T")


def loaded(adapter: Path, base_model: str) -> Any:
    from peft import PeftModel

    place = device.Device("cpu", BEST_PRECISION, device.usable_processors())
    device.settle(place)
    return PeftModel.from_pretrained(bases.load(bases.find(base_model), place), str(adapter)).eval()


def questions_of(examples: Path, template: Template, base_model: str, most: int) -> list[Question]:
    limit = row_limit(base_model, Options())
    asked = (Question.of(messages, template, limit) for messages in messages_of(examples))
    return [question for question in asked if question][:most]


def by_generate(
    model: Any, prompts: Sequence[list[int]], template: Template, ends: frozenset[int], count: int, group: int
) -> list[str]:
    texts = [""] * len(prompts)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(order), group):
        places = order[start : start + group]
        asked = [prompts[i] for i in places]
        answers = greedy.answer_padded(model, asked, ends, count, template.pad_id)
        for i, tokens in zip(places, answers, strict=True):
            texts[i] = template.text(tokens).strip()
    return texts


def timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    done = work()
    return time.perf_counter() - start, done


def report(model: Any, plain: Any, template: Template, questions: list[Question]) -> None:
    base = model.get_base_model()
    speaker = Speaker(base, template)
    longest = longest_answer([question.rows for question in questions])
    evaluator = Evaluator(model, Scorer(base), speaker, Options(evaluate_examples=len(questions)), longest)
    prompts = [question.prompt for question in questions]
    tokens = sum(map(len, prompts)) / len(prompts)
    print(f"{len(prompts)} prompts of {tokens:.0f} tokens, {BEST_PRECISION}, load {os.getloadavg()[0]:.1f}\n")
    print("| who | seconds | equal answers |")
    print("| --- | --- | --- |")
    with model.disable_adapter():
        seconds, _ = timed(lambda: evaluator.alone(questions))
    print(f"| Luthier, losses and answers of the base | {seconds:.1f} | |", flush=True)
    seconds, (_, ours) = timed(lambda: evaluator.alone(questions))
    print(f"| Luthier, losses and answers of the tuned model | {seconds:.1f} | |", flush=True)
    for name, group in ((f"generate, {GROUP} at once", GROUP), ("generate, one by one", 1)):
        answer = partial(by_generate, plain, prompts, template, speaker.end_ids, evaluator.count, group)
        seconds, texts = timed(answer)
        equal = sum(one == other for one, other in zip(ours, texts, strict=True))
        print(f"| {name}, answers of the tuned model | {seconds:.1f} | {equal} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("adapter", type=Path, help="the zip of a model, or its folder")
    parser.add_argument("examples", type=Path, help="dialogues, one a line")
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--base-model", default="smollm2-135m")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = chosen.adapter
        if folder.is_file():
            zipfile.ZipFile(folder).extractall(work)
            folder = next(Path(work).rglob("adapter_config.json")).parent
        template = Template(folder)
        model, plain = (loaded(folder, chosen.base_model) for _ in range(2))
        kernels.speed_up(model)
        report(
            model, plain, template, questions_of(chosen.examples, template, chosen.base_model, chosen.prompts)
        )


if __name__ == "__main__":
    main()
