"""A hosted vendor's training format: conversion, and one reading of the data for what it would reject."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from errors import InvalidData
from providers.catalogue import Base
from providers.hosted import price
from providers.tokens import Count, measured
from providers.training_file import lines
from records import Dataset, Finding, Price, Recipe, Source

Line = dict[str, Any]
SHOWN = 10


class Format(NamedTuple):
    """`line` makes the vendor's object of an example; `fault` says why it would be rejected, or nothing."""

    vendor: str
    line: Callable[[Line], Line]
    fault: Callable[[Line], str]
    largest_bytes: int


class Survey(NamedTuple):
    """What one reading of the training examples shows. Examples are numbered from 1."""

    examples: int
    tokens: int
    bytes: int
    faults: dict[str, list[int]]
    long: list[int]


def converted(form: Format, examples: Iterable[Line]) -> Iterator[Line]:
    """The vendor's lines. Raises InvalidData at the first example that it would reject."""
    for number, example in enumerate(examples, 1):
        if reason := form.fault(example):
            raise InvalidData(
                f"Training example {number} can't be sent to {form.vendor}: {reason}.",
                "Mend or leave out the example, then prepare the data again.",
            )
        yield form.line(example)


def surveyed(form: Format, examples: Iterable[Line], count: Count, limit: int) -> Survey:
    """Read the examples once; `limit` is in tokens an example."""
    number, tokens, size = 0, 0, 0
    faults: dict[str, list[int]] = defaultdict(list)
    long = []
    for number, example in enumerate(examples, 1):
        if reason := form.fault(example):
            faults[reason].append(number)
            continue
        size += len(json.dumps(form.line(example), ensure_ascii=False).encode("utf-8", "replace"))
        counted = measured(example, count, limit)
        tokens += counted.total
        if counted.cut:
            long.append(number)
    return Survey(number, tokens, size, dict(faults), long)


def examined(
    form: Format, dataset: Dataset, recipe: Recipe, base: Base, count: Count
) -> tuple[Survey, Price | None]:
    """One reading of the training examples, and what training on them costs by it; no price, none known.

    Of a recipe without epochs one pass is priced.
    """
    survey = surveyed(form, lines(dataset.train_uri), count, base.example_tokens)
    return survey, price(survey.tokens, recipe.epochs or 1, base)


def findings(form: Format, survey: Survey, base: Base, dataset: Dataset) -> list[Finding]:
    found = [_rejected(form, reason, numbers, dataset) for reason, numbers in survey.faults.items()]
    if survey.examples < base.minimum_examples:
        found.append(
            _error(
                "minimum examples",
                f"{form.vendor} wants at least {base.minimum_examples} training examples; there are "
                f"{survey.examples}.",
                "Add examples; 50 to 100 good ones are where gains begin.",
            )
        )
    if survey.long:
        found.append(
            _error(
                "tokens per example",
                f"Training example {_named(survey.long, dataset)} is longer than the "
                f"{base.example_tokens:,} tokens that {base.id} takes; it would be cut or dropped.",
                "Shorten, split or leave out what stands there, then prepare again. Nothing was paid for.",
                len(survey.long),
            )
        )
    if survey.bytes > form.largest_bytes:
        found.append(
            _error(
                "file size",
                f"The training file has {survey.bytes:,} bytes; {form.vendor} takes {form.largest_bytes:,}.",
                "Use fewer or shorter examples.",
            )
        )
    return found


def _rejected(form: Format, reason: str, numbers: list[int], dataset: Dataset) -> Finding:
    message = f"{form.vendor} would reject training example {_named(numbers, dataset)}: {reason}."
    return _error(
        "vendor format", message, "Mend or leave out the examples, then prepare again.", len(numbers)
    )


def _error(rule: str, message: str, hint: str, count: int = 1) -> Finding:
    return Finding(rule=rule, severity="error", message=message, hint=hint, count=count)


def _named(numbers: list[int], dataset: Dataset) -> str:
    """As `4 (chats.jsonl, line 5)`: examples are shuffled, so a number alone says little."""
    shown = numbers[:SHOWN]
    places = _places(dataset.lineage_uri, frozenset(shown))
    named = [f"{number} ({places[number]})" if number in places else str(number) for number in shown]
    return ", ".join(named) + (" …" if len(numbers) > SHOWN else "")


def _places(lineage_uri: str, numbers: Collection[int]) -> dict[int, str]:
    """Where those training examples came from; of none where the dataset does not know."""
    found: dict[int, str] = {}
    for one in lines(lineage_uri) if lineage_uri else ():
        if one["split"] == "train" and one["line"] in numbers and one["sources"]:
            source = Source.model_validate(one["sources"][0])
            found[one["line"]] = str(source.but(uri=source.uri.rstrip("/").rpartition("/")[2]))
    return found
