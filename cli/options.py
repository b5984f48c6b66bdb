"""Options that several commands share, and the records they make."""

import json
from math import isfinite
from typing import Annotated, Any

import typer

from cli.terminal import WrongUsage
from records import Recipe
from settings import settings

Json = Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")]
ModelId = Annotated[str, typer.Argument(metavar="MODEL", help="an id, its beginning, a name or an alias")]
Sources = Annotated[
    list[str] | None, typer.Argument(metavar="SOURCE…", help="files, folders, globs, s3:// or gs:// URIs")
]
UseCase = Annotated[str, typer.Option("--use-case", "-u", help="what the model is for, in a sentence or two")]
BaseModel = Annotated[str | None, typer.Option("--base-model", "-b", help="an id that `luthier bases` lists")]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, max=50, help="default: by the data's size")]
LearningRate = Annotated[
    float | None, typer.Option("--learning-rate", help="peak rate; default: by the base model and the data")
]
Rank = Annotated[int | None, typer.Option("--rank", min=1, max=512, help="of the LoRA adapter")]
AcceptRetirement = Annotated[
    bool, typer.Option("--accept-retirement", help="hosted: train although the base is switched off soon")
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", min=0, help="hosted: refuse jobs estimated above this, in US dollars"),
]
Option = Annotated[
    list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="an option of the provider's own")
]
Name = Annotated[
    str | None, typer.Option("--name", "-n", help="of the model; default: the base model's name")
]


def check_given(sources: list[str] | None, use_case: str) -> list[str]:
    """Raises WrongUsage where a source or the use case is missing."""
    if not sources:
        raise WrongUsage("No source was given.", "Name files or folders, or a dataset by --dataset ID.")
    if len(use_case.strip()) < 3:
        raise WrongUsage(
            "The use case is missing.",
            'Say in a sentence what the model is for: --use-case "Answer questions about returns".',
        )
    return sources


def recipe_of(
    base_model: str | None,
    epochs: int | None = None,
    learning_rate: float | None = None,
    rank: int | None = None,
    seed: int = 17,
    options: dict[str, Any] | None = None,
) -> Recipe:
    return Recipe(
        base_model=base_model or settings().base_model,
        epochs=epochs,
        learning_rate=learning_rate,
        rank=rank,
        seed=seed,
        options=options or {},
    )


def provider_options(
    given: list[str] | None, accept_retirement: bool, max_cost: float | None
) -> dict[str, Any]:
    """KEY=VALUE pairs as a dictionary; a value that reads as JSON (a number, true) is taken as such.

    Raises WrongUsage for a pair without a value, and for a limit that limits nothing.
    """
    options: dict[str, Any] = {}
    for pair in given or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise WrongUsage(f"The option '{pair}' has no value.", "Write --option KEY=VALUE.")
        try:
            options[key.strip()] = json.loads(value, parse_constant=str)
        except json.JSONDecodeError:
            options[key.strip()] = value
    if accept_retirement:
        options["accept_retirement"] = True
    if max_cost is not None:
        if not isfinite(max_cost):
            raise WrongUsage(f"{max_cost} is no cost limit.", "Write US dollars, --max-cost 5 for instance.")
        options["max_cost"] = max_cost
    return options
