"""The body of a new job: what it may hold, and the recipe and preparation that it asks for."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from providers import is_hosted
from providers.catalogue import Base
from records import Preparation, Recipe
from web.faults import BadRequest
from web.v1.shapes import Asked, Body, unsupported

# what the providers call the examples of one step
BATCH_OPTIONS = ("batch_size", "batch_examples")
SUFFIX_LENGTH = 40

Auto = Literal["auto"]
# null is what OpenAI's API takes for a value that was not given
DEFAULT = BeforeValidator(lambda given: "auto" if given is None else given)
MetadataKey = Annotated[str, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]


class Hyperparameters(Body):
    n_epochs: Annotated[Auto | Annotated[int, Field(ge=1, le=50)], DEFAULT] = "auto"
    batch_size: Annotated[Auto | Annotated[int, Field(ge=1, le=256)], DEFAULT] = "auto"
    learning_rate_multiplier: Annotated[Auto | Annotated[float, Field(gt=0, le=100)], DEFAULT] = "auto"


class Supervised(Body):
    hyperparameters: Hyperparameters | None = None


class Method(Body):
    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: dict[str, Any] | None = None
    reinforcement: dict[str, Any] | None = None


class CreateJob(Asked):
    """`metadata.use_case` says what the model is for, `metadata.kind` and `.label` how to read raw data.

    `validation_file` is the holdout; what resembles it is not trained on.

    `metadata.accept_retirement` = "true" trains on a base that its vendor shuts down soon.
    """

    model: str = Field(min_length=1, max_length=200)
    training_file: str = Field(min_length=1, max_length=128)
    validation_file: str | None = Field(None, max_length=128)
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    suffix: str | None = Field(None, min_length=1, max_length=64)
    seed: int | None = Field(None, ge=0, le=2**31 - 1)
    metadata: dict[MetadataKey, MetadataValue] | None = Field(None, max_length=16)
    integrations: list[dict[str, Any]] | None = None


def recipe_of(body: CreateJob, base: Base, known: Collection[str]) -> Recipe:
    """`known`: the options of the base's provider. Raises BadRequest for what can't be set there."""
    asked = hyperparameters_of(body)
    accepts = (body.metadata or {}).get("accept_retirement") == "true"
    seed = {} if body.seed is None else {"seed": body.seed}
    return Recipe(
        base_model=body.model,
        epochs=None if asked.n_epochs == "auto" else asked.n_epochs,
        learning_rate=_learning_rate(asked, base),
        suffix=body.suffix[:SUFFIX_LENGTH] if body.suffix else None,
        options=_options(asked, accepts, base, known),
        **seed,
    )


def hyperparameters_of(body: CreateJob) -> Hyperparameters:
    """From `method` or the older field. Raises BadRequest for any method but supervised."""
    if body.integrations:
        raise unsupported("integrations", "Integrations are not supported.", "Leave the parameter out.")
    if body.method is None:
        return body.hyperparameters or Hyperparameters()
    if body.method.type != "supervised":
        raise unsupported(
            "method.type", f"The method '{body.method.type}' is not supported.", "Use 'supervised'."
        )
    if body.hyperparameters:
        raise unsupported(
            "hyperparameters", "Hyperparameters were given twice.", "Give them in `method` alone."
        )
    asked = body.method.supervised
    return (asked and asked.hyperparameters) or Hyperparameters()


def _learning_rate(asked: Hyperparameters, base: Base) -> float | None:
    if asked.learning_rate_multiplier == "auto":
        return None
    if not is_hosted(base.provider):
        raise unsupported(
            "hyperparameters.learning_rate_multiplier",
            f"The rate of {base.id} is not set as a multiplier.",
            "Use 'auto', or `luthier train --learning-rate`.",
        )
    return asked.learning_rate_multiplier


def _options(asked: Hyperparameters, accepts: bool, base: Base, known: Collection[str]) -> dict[str, Any]:
    accepted = {"accept_retirement": True} if accepts and "accept_retirement" in known else {}
    if asked.batch_size == "auto":
        return accepted
    for name in BATCH_OPTIONS:
        if name in known:
            return {name: asked.batch_size, **accepted}
    raise unsupported("hyperparameters.batch_size", f"The batch of {base.id} can't be chosen.", "Use 'auto'.")


def preparation_of(metadata: Mapping[str, str]) -> Preparation:
    """Raises BadRequest for an unknown kind."""
    kind = metadata.get("kind", "auto")
    if kind not in ("auto", "chat", "classify", "style", "reference"):
        raise BadRequest(
            f"There is no kind '{kind}'.",
            "Known: auto, chat, classify, style, reference.",
            param="metadata.kind",
            why="invalid_value",
        )
    return Preparation.model_validate({"kind": kind, "label": metadata.get("label") or None})
