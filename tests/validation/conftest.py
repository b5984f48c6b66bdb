"""Datasets on disk, made of dialogues, and token counts for them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from records import Dataset, FileReport, Report, TokenCount

Messages = list[dict]


def dialogue(question: str, answer: str = "Certainly.") -> Messages:
    return [
        {"role": "system", "content": "Help customers"},
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[..., Dataset]:
    """Training and holdout rows are messages, or text that is written as it stands; row n of tickets.csv is
    the nth of them."""

    def make(train: Sequence, holdout: Sequence = (), kind: str = "chat", drops: Sequence = (), **report):
        uris = {name: str(tmp_path / f"{name}.jsonl") for name in ("train", "holdout", "lineage", "drops")}
        for name, rows in {"train": train, "holdout": holdout}.items():
            lines = [row if isinstance(row, str) else json.dumps({"messages": row}) for row in rows]
            Path(uris[name]).write_text("".join(line + "\n" for line in lines), "utf-8", "surrogatepass")
        places = [("train", at) for at in range(1, len(train) + 1)]
        places += [("holdout", at) for at in range(1, len(holdout) + 1)]
        lineage = [
            {"split": split, "line": at, "kind": kind, "sources": [{"uri": "/in/tickets.csv", "row": row}]}
            for row, (split, at) in enumerate(places, 1)
        ]
        dropped = [
            {"source": {"uri": "/in/faq.jsonl", "line": line}, "reason": reason, "excerpt": ""}
            for line, reason in enumerate(drops, 1)
        ]
        for name, rows in {"lineage": lineage, "drops": dropped}.items():
            Path(uris[name]).write_text("".join(json.dumps(row) + "\n" for row in rows))
        files = (
            FileReport(uri="/in/tickets.csv", name="tickets.csv", rows=len(places)),
            FileReport(uri="/in/faq.jsonl", name="help/faq.jsonl", rows=len(dropped)),
        )
        return Dataset(
            id="dataset-1",
            use_case="Help customers",
            kind=kind,
            **{f"{name}_uri": uri for name, uri in uris.items()},
            report=Report(**{"files": files, **report}),
        )

    return make


@pytest.fixture
def dialogues() -> Callable[..., list[Messages]]:
    """So many different ones; the answer may be one for all or one for each."""

    def make(count: int, answers: str | Sequence[str] = "Certainly.", first: int = 0) -> list[Messages]:
        chosen = [answers] * count if isinstance(answers, str) else answers
        return [dialogue(f"Question {first + at}?", chosen[at]) for at in range(count)]

    return make


@pytest.fixture
def counts() -> Callable[..., list[TokenCount]]:
    """For so many examples, with exceptions by position."""

    def make(size: int, **exceptions: TokenCount) -> list[TokenCount]:
        usual = TokenCount(total=40, trainable=5)
        return [exceptions.get(f"at{place}", usual) for place in range(size)]

    return make
