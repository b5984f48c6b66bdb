"""What the chores without a person came to: failed jobs that were tried again, models that will die."""

from datetime import date
from typing import Literal

from pydantic import Field

from records import Record

THRESHOLDS = (90, 30, 7, 0)  # days left when people are told, each once


class Retry(Record):
    """A failed job: to be tried again, or left and why. `ended` is how the new try went."""

    job_id: str
    name: str
    provider: str
    what: Literal["retried", "left"]
    reason: str
    ended: str = ""
    model_id: str | None = None


class Retirement(Record):
    """A model whose base is shut down, and what to do about it."""

    model_id: str
    name: str
    base_model: str
    dataset_id: str
    day: date
    days_left: int
    told: int | None = Field(None, description="the threshold that people are told of now; none: told before")
    successor: str = ""
    source: Literal["vendor", "catalogue"]
    command: str

    @property
    def message(self) -> str:
        if self.days_left < 0:
            when = f"stopped answering on {self.day}"
        elif self.days_left == 0:
            when = "stops answering today"
        else:
            when = (
                f"stops answering on {self.day}, in {self.days_left} day{'s' if self.days_left > 1 else ''}"
            )
        return f"{self.name} ({self.model_id}) {when}: its base {self.base_model} is shut down."

    @property
    def hint(self) -> str:
        named = f"Its vendor names {self.successor} as the successor. " if self.successor else ""
        return f"{named}The same data on another base: {self.command}"


def threshold(days_left: int) -> int | None:
    """The nearest one that was reached: 90 for 60 days, none for 120."""
    reached = [days for days in THRESHOLDS if days_left <= days]
    return min(reached) if reached else None
