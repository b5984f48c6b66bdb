"""What a job gives: the trained model, and how it compares with its base."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from records.record import Record, now

Verdict = Literal["better", "no better", "worse"]


class Answer(Record):
    """What base and tuned model say to one holdout prompt; losses are nats a token, None if unknown."""

    expected: str
    prompt: str
    base: str
    tuned: str
    base_loss: float | None = None
    tuned_loss: float | None = None
    tokens: int = Field(0, description="tokens that the losses are means of")


class Evaluation(Record):
    """Base against tuned on the holdout. `base` and `tuned` are values of `metric`."""

    metric: Literal["accuracy", "perplexity", "overlap"]
    base: float
    tuned: float
    holdout_examples: int
    verdict: Verdict
    summary: str = Field(description="the verdict as a sentence")
    base_detail: dict[str, float] = {}
    tuned_detail: dict[str, float] = {}
    confusion: dict[str, dict[str, int]] = Field({}, description="expected -> answered by tuned -> count")
    samples: tuple[Answer, ...] = ()


class Outcome(Record):
    """What a provider hands over when a job succeeded."""

    reference: str = Field(description="what the provider calls the model")
    folder: str | None = Field(None, description="files to publish, if the model can be taken home")
    base_name: str = Field("", description="what others call the base, its hub id for instance")
    base_revision: str = ""
    metrics: dict[str, float] = {}


class TunedModel(Record):
    """A published model. `reference` is what its provider calls it, `artifact` the URI of its zip."""

    id: str
    display_name: str
    description: str
    provider: str
    base_model: str
    reference: str
    artifact: str | None = None
    job_id: str
    dataset_id: str
    evaluation: Evaluation | None = None
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
