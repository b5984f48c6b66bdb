"""Datasets written for the tests of the hosted vendors."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from providers.patience import Patience
from records import Dataset, Report

TODAY = date(2026, 11, 22)
LABEL = "job-0123456789abcdef"


def pair(question: str, answer: str, **weight: int) -> dict[str, Any]:
    said = [{"role": "system", "content": "Name the shelf."}, {"role": "user", "content": question}]
    return {"messages": [*said, {"role": "assistant", "content": answer, **weight}]}


PAIRS = [pair(f"Where do the {thing}s go?", f"shelf {number}") for number, thing in enumerate(
    ["lamp", "rope", "paint", "nail", "brush", "glue", "saw", "drill", "tape", "hinge", "screw", "chisel"]
)]  # fmt: skip


@pytest.fixture
def waits() -> list[float]:
    """The seconds that a provider would have waited."""
    return []


@pytest.fixture
def patience(waits: list[float]) -> Patience:
    return Patience(sleep=waits.append)


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Dataset]:
    def make(examples: list[dict[str, Any]] = PAIRS, holdout: int = 2) -> Dataset:
        train, held = tmp_path / "train.jsonl", tmp_path / "holdout.jsonl"
        train.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in examples), "utf-8")
        held.write_text("".join(json.dumps(line) + "\n" for line in PAIRS[:holdout]), "utf-8")
        return Dataset(
            id="dataset-1",
            use_case="Name the shelf of a tool.",
            kind="chat",
            train_uri=str(train),
            holdout_uri=str(held),
            lineage_uri="",
            drops_uri="",
            report=Report(train=len(examples), holdout=holdout),
        )

    return make
