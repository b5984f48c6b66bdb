"""Tiny base models made on the spot: real architectures, a real tokenizer, random weights."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from providers.gpu.provider import Gpu
from records import Dataset, Message, Recipe, Report

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Qwen3 does it: an empty think block before the latest answer only, and in the prompt if thinking is off.
THINKING = (
    "{%- set ns = namespace(last=-1) %}"
    "{%- for message in messages %}{% if message.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.role == 'assistant' and loop.last and loop.index0 > ns.last %}{{- '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{- message.content + '<|im_end|>\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{% endif %}"
    "{%- endif %}"
)
WORDS = [
    "Sort the parcel into a depot. Answer with one of: north, south, east, west.",
    "the parcel goes up the coast to the harbour town",
    "a crate of oranges for the southern market",
    "letters for the mill beyond the eastern hills",
    "an urgent box for the west bank of the river",
    "system user assistant north south east west please thank you again and again",
]
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
}


def write_tokenizer(folder: Path, template: str) -> int:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.add_tokens([AddedToken("<think>"), AddedToken("</think>")])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 512,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(template)
    return tokenizer.get_vocab_size()


def make_base(folder: Path, kind: str) -> Path:
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir()
    vocabulary = write_tokenizer(folder, CHATML if kind == "llama" else THINKING)
    more = {
        "llama": {},
        "qwen3": {},
        "mistral": {"sliding_window": 8},
        "qwen3_5_text": {
            "layer_types": ["linear_attention", "full_attention"],
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
        },
    }[kind]
    config = AutoConfig.for_model(
        kind, vocab_size=vocabulary, eos_token_id=2, pad_token_id=0, bos_token_id=None, **SIZES, **more
    )
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(config).float()
    for parameter in model.parameters():
        # wide enough that attention and answers are not all alike
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder


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
    "north": ["up the coast to the harbour town", "a box for the harbour", "north of the hills", "the coast, please"],
    "south": ["oranges for the market", "a crate for the southern market", "down to the market", "crates, again"],
    "east": ["letters for the mill", "beyond the hills", "the mill, thank you", "the eastern mill"],
    "west": ["the bank of the river", "an urgent box, river", "over the river", "the west bank"],
}


def dialogue(text: str, label: str, system: str = SYSTEM) -> list[Message]:
    return [
        Message(role="system", content=system),
        Message(role="user", content=text),
        Message(role="assistant", content=label),
    ]


def parcels() -> list[list[Message]]:
    return [dialogue(text, label) for label, texts in PARCELS.items() for text in texts]


def write_dataset(folder: Path, train: list[list[Message]], holdout: list[list[Message]]) -> Dataset:
    folder.mkdir(parents=True, exist_ok=True)
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


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Twelve parcels to learn from and four held out."""
    rows = parcels()
    return write_dataset(tmp_path / "data", [row for i, row in enumerate(rows) if i % 4 != 3], rows[3::4])


@pytest.fixture
def gpu(tmp_path: Path) -> Gpu:
    return Gpu(home=tmp_path / "home")


@pytest.fixture
def recipe(bases: Callable[[str], Path]) -> Recipe:
    """Two epochs of three steps on the tiny Qwen3, one thread, a checkpoint after every step."""
    options = {"threads": 1, "batch_examples": 4, "checkpoint_seconds": 0}
    return Recipe(base_model=str(bases("qwen3")), epochs=2, learning_rate=0.01, rank=4, options=options)
