"""What can be said about a job before it starts. No torch here."""

from collections.abc import Sequence
from itertools import islice, takewhile
from pathlib import Path

import fsspec

from errors import InvalidData
from providers.gpu import bases, estimate
from providers.gpu.jobs import parsed
from providers.gpu.options import Options, completed, examples_a_step
from providers.gpu.template import Template
from records import Dataset, Finding, Message, Recipe, TokenCount

SAMPLE = 2_000  # examples that are measured where the dataset's report has no token statistics
STEPS_TO_LEARN = 15


def count_lines(uri: str) -> int:
    with fsspec.open(uri, "rb") as file:
        return sum(1 for line in file if line.strip())


def token_count(template: Template, messages: Sequence[Message], limit: int) -> TokenCount:
    """Of the row of the last answer, cut at the limit; `trainable` adds up the answers of all rows."""
    try:
        rows = template.rows(messages)
    except InvalidData:
        rows = []
    if not rows:
        return TokenCount(total=0, trainable=0)
    length = len(rows[0].tokens)
    trainable = sum(sum(row.cut(limit).trained) for row in rows)
    return TokenCount(total=min(length, limit), trainable=trainable, cut=max(0, length - limit))


def findings(dataset: Dataset, recipe: Recipe, cache: Path) -> list[Finding]:
    """Raises NotConfigured if the base model can't be had."""
    options = Options.model_validate(recipe.options)
    base = bases.find(recipe.base_model)
    config = bases.config(base)
    template = Template(bases.tokenizer_folder(base, cache))
    rows = _sampled(dataset)
    limit = bases.row_limit(base, options)
    counts = [token_count(template, messages, limit) for messages in rows]
    train = dataset.report.train or count_lines(dataset.train_uri)
    found = [*_length_findings(counts), *_four_bit_findings(options, str(config["model_type"]))]
    steps = -(-train // examples_a_step(options, train)) * (recipe.epochs or 1)
    if steps < STEPS_TO_LEARN:
        found.append(
            Finding(
                rule="few_steps",
                severity="warning",
                message=f"Only {steps} training steps: the model will hardly change.",
                hint="Give more examples, or more epochs (--epochs).",
            )
        )
    # what a step's rows have in common is computed once a step
    batch = examples_a_step(options, train)
    alike = _shared_by_all(template, rows[:32]) if options.share_prefixes else 0
    mean = sum(count.total for count in counts) / max(1, len(counts)) - alike * (batch - 1) / batch
    settings = completed(options, recipe.base_model, dataset.kind, train)
    top = settings.top_layers or 1.0
    # what the layers below the adapter make of a row is computed once, and nothing goes back through them
    passes = (recipe.epochs or 1) * top + (1 - top) / 2
    cost = estimate.of_training(config, mean * train * passes, options.precision != "float32")
    return [*found, *_cost_findings(cost)]


def _sampled(dataset: Dataset) -> list[list[Message]]:
    with fsspec.open(dataset.train_uri, "rt", encoding="utf-8") as file:
        return [parsed(line) for line in islice(file, SAMPLE) if line.strip()]


def _shared_by_all(template: Template, dialogues: Sequence[Sequence[Message]]) -> int:
    """Tokens that all dialogues begin with."""
    prompts = [template.prompt(messages[:-1]) for messages in dialogues if len(messages) > 1]
    if not prompts:
        return 0
    # what the first and the last in order share, all share
    pairs = zip(min(prompts), max(prompts), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _length_findings(counts: Sequence[TokenCount]) -> list[Finding]:
    cut = sum(count.cut > 0 for count in counts)
    empty = sum(count.trainable == 0 for count in counts)
    found = []
    if cut:
        found.append(
            Finding(
                rule="example_too_long",
                severity="warning",
                message=f"Longer than the base model's limit, so their ends are cut off: {cut} examples.",
                hint="Split them, or raise the option max_tokens if there is memory for it.",
                count=cut,
            )
        )
    if empty:
        found.append(
            Finding(
                rule="nothing_to_learn",
                severity="error" if empty == len(counts) else "warning",
                message=f"Without an answer within the limit, so left out: {empty} examples.",
                hint="Each example ends with an assistant message whose weight is not 0.",
                count=empty,
            )
        )
    return found


def _four_bit_findings(options: Options, model_type: str) -> list[Finding]:
    if options.quantize != "4bit" or "qwen3_5" not in model_type:
        return []
    return [
        Finding(
            rule="four_bit_unsuitable",
            severity="warning",
            message="Qwen3.5 loses unusually much when it is held in 4 bits.",
            hint="Leave the option quantize at auto, or take a smaller size of the family.",
        )
    ]


def _cost_findings(cost: estimate.Estimate | None) -> list[Finding]:
    if cost is None:
        return []
    found = [
        Finding(
            rule="estimated_cost",
            severity="info",
            message=f"About {_duration(cost.minutes)} of training and {cost.memory / 1e9:.1f} GB of memory.",
        )
    ]
    if cost.memory > cost.available:
        found.append(
            Finding(
                rule="memory_short",
                severity="warning",
                message=f"Training takes about {cost.memory / 1e9:.1f} GB of memory, "
                f"but only {cost.available / 1e9:.1f} GB are free.",
                hint="Close other programs, or take a smaller base model.",
            )
        )
    return found


def _duration(minutes: float) -> str:
    if minutes < 1.5:
        return "a minute"
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
