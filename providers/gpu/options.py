"""What can be set for own hardware, and the defaults that depend on the amount of data and the base."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from providers import catalogue
from records import Kind, Recipe

FEW = 150  # examples


class Options(BaseModel):
    """Options of the own-hardware provider; None leaves the choice to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_examples: int | None = Field(
        None, ge=1, le=1024, description="examples a step learns from; default 8, more for large data"
    )
    batch_tokens: int | None = Field(
        None, ge=64, le=1_000_000, description="tokens computed at once, a step is split to fit"
    )
    alpha: float = Field(32, gt=0, le=1024, description="the adapter's output is multiplied by alpha / rank")
    loraplus_ratio: float | None = Field(
        None,
        ge=1,
        le=64,
        description="rate of matrix B over that of A (LoRA+); default 4 for many labels on a small base",
    )
    top_layers: float | None = Field(
        None,
        gt=0,
        le=1,
        description="share of the layers, from the top, that have an adapter; what the others make of a row "
        "is computed once; default 0.5 for many labels on a small base, else all",
    )
    known_at: float | None = Field(
        None,
        gt=0,
        le=1,
        description="an example whose answers had this probability when it was last read rests for two "
        "epochs; default 0.98 for many labels on a small base, else 1: none rests",
    )
    warmup: float = Field(0.05, ge=0, le=1, description="share of the steps in which the learning rate rises")
    weight_decay: float = Field(0.0, ge=0, le=1, description="AdamW's weight decay on the adapter")
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient, longer ones are scaled")
    max_tokens: int | None = Field(
        None, ge=8, le=1_000_000, description="tokens an example may have; default by base model"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of the frozen weights; auto: bfloat16 where the processor has it"
    )
    quantize: Literal["auto", "none", "4bit"] = Field(
        "auto", description="4bit (QLoRA) needs CUDA and bitsandbytes; auto: only if the base would not fit"
    )
    share_prefixes: bool = Field(True, description="compute what rows have in common only once")
    checkpoint_seconds: float = Field(
        20, ge=0, le=86_400, description="seconds between checkpoints; 0 writes one after every step"
    )
    patience: int = Field(
        2, ge=0, le=1000, description="measurements without a lower held-out loss before it stops; 0: never"
    )
    evaluate_examples: int | None = Field(
        None, ge=0, le=100_000, description="prompts to be answered; default 200, fewer if answers are long"
    )
    answer_tokens: int | None = Field(
        None, ge=1, le=8192, description="longest answer in the evaluation; default by the training answers"
    )
    threads: int | None = Field(None, ge=1, le=1024, description="processor threads; default: all it may use")
    processes: int | None = Field(
        None,
        ge=1,
        le=64,
        description="that train together, a GPU for each; default: as many as GPUs are seen",
    )


def examples_a_step(options: Options, examples: int) -> int:
    """The effective batch. LoRA takes large ones badly, so it stays at 32 or less ("LoRA Without Regret")."""
    if options.batch_examples:
        return options.batch_examples
    return 8 if examples < 2_000 else 16 if examples < 20_000 else 32


def completed(options: Options, base_model: str, kind: Kind, examples: int) -> Options:
    """With the ratio of learning rates, the share of the layers and what counts as known filled in.

    A higher rate for B, which starts at zero, learns faster ("LoRA+", Hayou et al. 2024). Labels gain by it;
    worked answers in prose were known by heart before they were understood, and a dozen steps end before
    such a rate has settled. An adapter on the upper half learns labels as well as one on all layers, in half
    the time, and most labels are known before the last epoch (docs/decisions.md for all three). Nothing was
    measured on a large base.
    """
    fast = _learns_fast(base_model, kind, examples)
    ratio, top, known = (4.0, 0.5, 0.98) if fast else (1.0, 1.0, 1.0)
    return options.model_copy(
        update={
            "loraplus_ratio": options.loraplus_ratio or ratio,
            "top_layers": options.top_layers or top,
            "known_at": options.known_at or known,
        }
    )


def _learns_fast(base_model: str, kind: Kind, examples: int) -> bool:
    return kind == "classify" and examples >= FEW and (billions(base_model) or 1.0) < 1


def row_limit(base_model: str, options: Options) -> int:
    """Tokens that an example of this base may have."""
    return options.max_tokens or catalogue.find(base_model).example_tokens


def billions(base_model: str) -> float | None:
    """Parameters of a base model, in units of 1e9, as its name tells them (`…-135m`, `…-8B`)."""
    found = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)([mb])(?![a-z0-9])", base_model.rsplit("/", 1)[-1].lower())
    return float(found[1]) / (1000 if found[2] == "m" else 1) if found else None


def planned(recipe: Recipe, examples: int, kind: Kind) -> Recipe:
    """The recipe with epochs, learning rate and rank filled in.

    Epochs: few examples need more passes to make the 50 or so steps that an adapter takes to settle. Labels
    stand a few passes more than prose, which is soon known by heart; with LoRA+ on the upper half three are
    enough (docs/decisions.md).
    Learning rate: 1e-3 below a billion parameters (measured: 0.95 on a ten-label task with 300 rows of a
    135M base), 2e-4 up to 14 billion and 1e-4 above (ten times the usual rate of full fine-tuning).
    Rank: 16, twice that for more than 10,000 examples, whose content outgrows a small adapter.
    """
    size = billions(recipe.base_model) or 1.0
    slow = kind == "classify" and not _learns_fast(recipe.base_model, kind, examples)
    epochs = 8 if examples < 50 else 5 if examples < (600 if slow else FEW) else 3 if examples < 3_000 else 2
    return recipe.but(
        epochs=recipe.epochs or (epochs if examples < 10_000 else 1),
        learning_rate=recipe.learning_rate or (1e-3 if size < 1 else 2e-4 if size < 14 else 1e-4),
        rank=recipe.rank or (16 if examples <= 10_000 else 32),
    )
