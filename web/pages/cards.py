"""What a card of the models panel shows: work that was asked for, its job, and the model that came of it."""

from dataclasses import dataclass
from datetime import date, datetime

from providers import TITLES
from providers.catalogue import Base
from providers.hosted import MARGIN_DAYS
from records import ENDED, Evaluation, Failure, Job, Progress, Status, TunedModel
from registry.runs import Run
from web.pages import words


@dataclass(frozen=True)
class Retirement:
    """The day on which the vendor shuts the base model down, and every model tuned on it."""

    day: date
    days_left: int
    successor: str

    @property
    def soon(self) -> bool:
        return self.days_left <= MARGIN_DAYS

    @property
    def past(self) -> bool:
        return self.days_left <= 0


@dataclass(frozen=True)
class Card:
    run: Run
    job: Job | None = None
    model: TunedModel | None = None
    retirement: Retirement | None = None

    @property
    def key(self) -> str:
        """Stays the same from the click to the model."""
        return self.run.id

    @property
    def id(self) -> str:
        """What the API calls it: the model's id once there is one."""
        return self.model.id if self.model else self.run.id

    @property
    def name(self) -> str:
        return self.model.display_name if self.model else self.run.name

    @property
    def description(self) -> str:
        return self.model.description if self.model else self.run.use_case

    @property
    def badge(self) -> str:
        return TITLES.get(self.run.provider, self.run.provider)

    @property
    def base_model(self) -> str:
        return self.run.base_model

    @property
    def status(self) -> Status:
        """A finished model counts more than what the process that made it still says."""
        return "succeeded" if self.model else self.run.status

    @property
    def words(self) -> words.Words:
        return words.STATUSES[self.status]

    @property
    def running(self) -> bool:
        return self.status not in ENDED

    @property
    def finished_at(self) -> datetime | None:
        return self.model.created_at if self.model else self.run.finished_at

    @property
    def evaluation(self) -> Evaluation | None:
        return self.model.evaluation if self.model else None

    @property
    def failure(self) -> Failure | None:
        if self.status != "failed":
            return None
        return self.run.failure or (self.job.failure if self.job else None)

    @property
    def progress(self) -> Progress | None:
        return self.job.progress if self.job else None

    @property
    def parts(self) -> str:
        """What a page about it can show by now, besides its progress."""
        known = {"data": self.run.dataset_id, "job": self.job}
        return "-".join(name for name, there in known.items() if there)

    @property
    def percent(self) -> int | None:
        progress = self.progress
        return round(100 * progress.step / progress.steps) if progress and progress.steps else None

    @property
    def figures(self) -> str:
        """For example `step 40 of 120 · loss 0.83 · about 3 min left`."""
        progress = self.progress
        if not progress:
            return ""
        parts = []
        if progress.steps:
            parts.append(f"step {progress.step:,} of {progress.steps:,}")
        if (loss := loss_of(progress.metrics)) is not None:
            parts.append(f"loss {loss:.2f}")
        if progress.message and progress.step >= progress.steps > 0:
            # trained, but not measured yet
            parts.append(progress.message)
        elif progress.estimated_finish:
            parts.append(words.time_left(progress.estimated_finish))
        return " · ".join(parts)

    @property
    def actions(self) -> frozenset[str]:
        """What can be done with it now."""
        if self.running:
            return frozenset({"rename", "refresh", "cancel"})
        if not self.model:
            return frozenset({"rename", "refresh", "delete", "retry"})
        found = {"rename", "refresh", "delete"}
        if not (self.retirement and self.retirement.past):
            found |= {"chat", "compare"}
        if self.model.artifact:
            found.add("download")
        return frozenset(found)


def loss_of(metrics: dict[str, float]) -> float | None:
    """The training loss, under the name that the vendor reports it by."""
    for name in ("loss", "train_loss", "training_loss"):
        if name in metrics:
            return metrics[name]
    return None


def retirement_of(base: Base | None, today: date) -> Retirement | None:
    if base is None or base.inference_until is None:
        return None
    left = (base.inference_until - today).days
    return Retirement(base.inference_until, left, base.successor)
