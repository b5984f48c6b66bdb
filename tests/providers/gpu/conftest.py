"""Tiny bases, and a small dataset of parcels to sort."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from providers.gpu import bases as model_files
from providers.gpu.device import Device
from providers.gpu.options import Options
from providers.gpu.provider import Gpu
from providers.gpu.training import adapter
from records import Dataset, Message, Recipe, Report
from tests.tiny_bases import WORDS, make_base


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny base of that architecture."""
    made: dict[str, Path] = {}
    root = tmp_path_factory.mktemp("bases")

    def base(kind: str) -> Path:
        if kind not in made:
            made[kind] = make_base(root / kind, kind)
        return made[kind]

    return base


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


SYSTEM = WORDS[0]
PARCELS = {
    "north": [
        "up the coast to the harbour town",
        "a box for the harbour",
        "north of the hills",
        "the coast, please",
    ],
    "south": [
        "oranges for the market",
        "a crate for the southern market",
        "down to the market",
        "crates, again",
    ],
    "east": ["letters for the mill", "beyond the hills", "the mill, thank you", "the eastern mill"],
    "west": ["the bank of the river", "an urgent box, river", "over the river", "the west bank"],
}


def dialogue(text: str, label: str, system: str = SYSTEM) -> list[Message]:
    return [
        Message(role="system", content=system),
        Message(role="user", content=text),
        Message(role="assistant", content=label),
    ]


@pytest.fixture
def parcels() -> list[list[Message]]:
    """Sixteen dialogues with the same system message, four of each label."""
    return [dialogue(text, label) for label, texts in PARCELS.items() for text in texts]


MakeDataset = Callable[[list[list[Message]], list[list[Message]]], Dataset]


@pytest.fixture
def make_dataset(tmp_path: Path) -> MakeDataset:
    def make(train: list[list[Message]], holdout: list[list[Message]]) -> Dataset:
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        for name, rows in (("train", train), ("holdout", holdout)):
            lines = [
                json.dumps({"messages": [message.model_dump(exclude_none=True) for message in messages]})
                for messages in rows
            ]
            (folder / f"{name}.jsonl").write_text("".join(line + "\n" for line in lines))
        return Dataset(
            id="data-1",
            use_case="Sort parcels",
            kind="classify",
            train_uri=str(folder / "train.jsonl"),
            holdout_uri=str(folder / "holdout.jsonl"),
            lineage_uri="",
            drops_uri="",
            report=Report(train=len(train), holdout=len(holdout)),
        )

    return make


@pytest.fixture
def dataset(make_dataset: MakeDataset, parcels: list[list[Message]]) -> Dataset:
    """Twelve parcels to learn from and four held out."""
    return make_dataset([row for i, row in enumerate(parcels) if i % 4 != 3], parcels[3::4])


@pytest.fixture
def gpu(tmp_path: Path) -> Gpu:
    return Gpu(home=tmp_path / "home")


@pytest.fixture
def recipe(bases: Callable[[str], Path]) -> Recipe:
    """Twenty epochs of three steps on the tiny Qwen3, one thread, a checkpoint after every step."""
    options = {"threads": 1, "batch_examples": 4, "checkpoint_seconds": 0, "patience": 0}
    return Recipe(base_model=str(bases("qwen3")), epochs=20, learning_rate=0.01, rank=4, options=options)


@pytest.fixture
def with_adapter(bases: Callable[[str], Path], recipe: Recipe) -> Callable[..., Any]:
    """A tiny base with an adapter that already does something, in float32."""

    def load(kind: str, top_layers: float | None = None) -> Any:
        base = model_files.load(model_files.find(str(bases(kind))), Device("cpu", "float32", 1))
        model = adapter.attach(base, recipe, Options(top_layers=top_layers))
        torch.manual_seed(7)
        for name, weight in adapter.weights(model).items():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.1)
        return model

    return load
