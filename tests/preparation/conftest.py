"""Rows files written by hand."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from preparation import rowfile
from records import Dataset, Drop, FileReport, Message, Row, Rows, Source

MakeRows = Callable[..., Rows]


@pytest.fixture
def make_rows(tmp_path: Path) -> MakeRows:
    """`make_rows(rows, folder="in", drops=())`: a rows file below tmp_path, with a report of each file."""

    def make(rows: Sequence[Row], folder: str = "in", drops: Sequence[Drop] = ()) -> Rows:
        out = tmp_path / folder
        uri, drops_uri = str(out / "rows.jsonl"), str(out / "drops.jsonl")
        with rowfile.writing(uri) as writer:
            for row in rows:
                writer.write(row)
        with rowfile.writing(drops_uri) as writer:
            for drop in drops:
                writer.write(drop)
        counts: dict[str, int] = {}
        for row in rows:
            counts[row.source.uri] = counts.get(row.source.uri, 0) + 1
        files = tuple(
            FileReport(uri=name, name=name.rsplit("/", 1)[-1], sha256=name.rsplit("/", 1)[-1], rows=count)
            for name, count in counts.items()
        )
        reasons: dict[str, int] = {}
        for drop in drops:
            reasons[drop.reason] = reasons.get(drop.reason, 0) + 1
        return Rows(uri=uri, drops_uri=drops_uri, count=len(rows), files=files, dropped=reasons)

    return make


def record(number: int, uri: str = "/data/a.csv", **fields: str) -> Row:
    return Row(source=Source(uri=uri, row=number), fields=fields)


def page(number: int, text: str, uri: str = "/data/a.pdf") -> Row:
    return Row(source=Source(uri=uri, page=number), text=text)


def section(line: int, text: str, *heading: str, uri: str = "/data/a.md") -> Row:
    return Row(source=Source(uri=uri, line=line), text=text, heading=heading)


def dialogue(line: int, *turns: tuple[str, str], uri: str = "/data/a.jsonl") -> Row:
    messages = tuple(Message.model_validate({"role": role, "content": content}) for role, content in turns)
    return Row(source=Source(uri=uri, line=line), messages=messages)


class Builders:
    """What tests make rows with."""

    record = staticmethod(record)
    page = staticmethod(page)
    section = staticmethod(section)
    dialogue = staticmethod(dialogue)


@pytest.fixture
def new() -> type[Builders]:
    return Builders


def examples_of(dataset: Dataset, split: str = "train") -> list[list[dict[str, Any]]]:
    uri = dataset.train_uri if split == "train" else dataset.holdout_uri
    return [json.loads(line)["messages"] for line in Path(uri).read_text("utf-8").splitlines()]


@pytest.fixture
def examples() -> Callable[..., list[list[dict[str, Any]]]]:
    """The messages of each example of a dataset, `examples(dataset, "holdout")`."""
    return examples_of


@pytest.fixture
def drops() -> Callable[[str], list[tuple[str, str]]]:
    """Reason and excerpt of each line of a drops file."""
    return lambda uri: [(drop.reason, drop.excerpt) for drop in rowfile.read_drops(uri)]
