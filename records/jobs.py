"""A training job: what was ordered, and how far it is."""

from datetime import datetime
from math import isfinite
from typing import Any, Literal

from pydantic import Field, field_validator

from records.record import Record, content_id, now
from records.report import Price, Severity

Status = Literal["queued", "validating_files", "in_progress", "succeeded", "failed", "cancelled"]
ENDED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})


class Recipe(Record):
    """How to train. None leaves a value to the provider, which fills it in before the job starts."""

    base_model: str = Field(
        "smollm2-135m",
        title="Base model",
        description="an id that `luthier bases` lists, a hub id or a folder",
    )
    epochs: int | None = Field(
        None,
        ge=1,
        le=50,
        title="Epochs",
        description="how often each example is seen; none: by the data's size",
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        title="Learning rate",
        description="own hardware: the peak rate; hosted: the vendor's multiplier; none: by the base model",
    )
    rank: int | None = Field(
        None, ge=1, le=512, title="Rank", description="of the LoRA adapter; own hardware"
    )
    seed: int = Field(
        17, ge=0, le=2**31 - 1, title="Seed", description="the same seed and data train the same model"
    )
    suffix: str | None = Field(
        None, min_length=1, max_length=40, title="Suffix", description="in a hosted model's name"
    )
    options: dict[str, Any] = Field({}, title="Options", description="the provider's own options, as JSON")

    @field_validator("options")
    @classmethod
    def refuse_what_json_lacks(cls, given: dict[str, Any]) -> dict[str, Any]:
        """On its way to a step a cost limit of NaN would become none."""
        if any(isinstance(value, float) and not isfinite(value) for value in given.values()):
            raise ValueError("an option that is a number has to be a finite one")
        return given


class Failure(Record):
    """A `LuthierError` as it is kept: `code` is what people see, see errors.py."""

    code: str
    message: str
    hint: str
    transient: bool = Field(False, description="a new attempt may well succeed")


class Progress(Record):
    """How far a job is, as its provider tells it when asked."""

    status: Status
    message: str = ""
    metrics: dict[str, float] = {}
    step: int = 0
    steps: int = 0
    estimated_finish: datetime | None = None
    losses: tuple[tuple[int, float], ...] = Field((), description="(step, loss) of training so far, thinned")
    holdout_losses: tuple[tuple[int, float], ...] = Field((), description="(step, loss) on held-out examples")
    failure: Failure | None = None
    unknown: str | None = Field(None, description="the vendor's word for a state that is not known here")
    final: bool = Field(
        False, description="a new attempt would end the same way, or pay for a job that goes on elsewhere"
    )


class Event(Record):
    """One line of the log that a provider keeps of a job."""

    at: datetime
    level: Severity
    message: str
    metrics: dict[str, float] = {}


# Options that say what a person allows and how a model is measured; they train no other model.
NOT_TRAINED_ON = frozenset({"accept_retirement", "max_cost", "evaluate_on"})


class Job(Record):
    """One attempt at training a recipe on a dataset. Found again by its id, so it is never bought twice."""

    id: str
    name: str
    status: Status = "queued"
    provider: str
    dataset_id: str
    recipe: Recipe
    attempt: int = 1
    remote_id: str | None = None
    progress: Progress | None = None
    failure: Failure | None = None
    resume_at: datetime | None = Field(None, description="its vendor takes no new job before")
    deadline: datetime | None = Field(None, description="a hosted job that has not ended by then is given up")
    estimate: Price | None = Field(None, description="of the cost, made before the job was started")
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
    finished_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether nothing is to be done before its training ends, or before its vendor takes jobs again."""
        if self.status in ENDED:
            return False
        if self.remote_id is None:
            return self.resume_at is not None and self.resume_at > now()
        return self.progress is None or self.progress.status not in ENDED

    @staticmethod
    def id_for(dataset_id: str, recipe: Recipe, attempt: int) -> str:
        trained = {name: value for name, value in recipe.options.items() if name not in NOT_TRAINED_ON}
        return content_id("job", dataset_id, recipe.but(options=trained).model_dump(mode="json"), attempt)
