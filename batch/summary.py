"""What a night made of its job specs: a record, rows of a table, and an error where something failed."""

from collections import Counter
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from errors import LuthierError
from records import Failure, Record, now

What = Literal["trained", "skipped", "failed", "planned"]
ORDER: tuple[What, ...] = ("failed", "trained", "planned", "skipped")


class Line(Record):
    """What became of one spec. `reason` says why it was run, skipped or not tried."""

    spec: str = Field(description="the file")
    name: str = Field("", description="of the model; empty where the spec can't be read")
    what: What
    reason: str
    result: str = ""
    failure: Failure | None = None
    version: int | None = None
    current: bool | None = Field(None, description="whether the name now points at this version")
    model_id: str | None = None
    job_id: str | None = None
    seconds: float = 0.0
    notify: bool = Field(True, description="whether people are told if it failed")


class Summary(Record):
    folder: str
    dry_run: bool = False
    started_at: datetime
    ended_at: datetime = Field(default_factory=now)
    lines: tuple[Line, ...] = ()

    @property
    def counts(self) -> dict[What, int]:
        found = Counter(line.what for line in self.lines)
        return {what: found[what] for what in ORDER if found[what]}

    @property
    def failed(self) -> list[Line]:
        return [line for line in self.lines if line.what == "failed"]

    @property
    def sentence(self) -> str:
        """For example: 20 job specs: 3 failed, 12 trained, 5 skipped."""
        if not self.lines:
            return f"There is no job spec in {self.folder}."
        words = {"planned": "to be trained"}
        told = ", ".join(f"{count} {words.get(what, what)}" for what, count in self.counts.items())
        return f"{len(self.lines)} job spec{'s' if len(self.lines) > 1 else ''}: {told}."

    @property
    def in_order(self) -> list[Line]:
        """What a person must look at comes first."""
        return sorted(self.lines, key=lambda line: (ORDER.index(line.what), line.spec))


class ModelsFailed(LuthierError):
    """Some models of a batch were not made; `summary` tells of all."""

    code, exit_code, http_status = "models_failed", 1, 500

    def __init__(self, message: str, hint: str = "", report: None = None, summary: Summary | None = None):
        super().__init__(message, hint, report)
        self.args = (message, hint, report, summary)
        self.summary = summary


def raise_if_failed(summary: Summary) -> None:
    """Raises ModelsFailed that names them."""
    names = [line.name or line.spec for line in summary.failed]
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise ModelsFailed(
            f"{summary.sentence} Not made: {', '.join(names[:5])}{more}.",
            "The summary says why and what to do; the next run tries again what may pass.",
            summary=summary,
        )


def rows(summary: Summary) -> list[dict[str, Any]]:
    """A row a spec, for a table."""
    return [
        {
            "spec": line.spec,
            "model": line.name,
            "": line.what,
            "version": f"{line.version}{' (current)' if line.current else ''}" if line.version else "",
            "why": line.reason,
            "result": told(line),
            "time": took(line.seconds) if line.seconds else "",
        }
        for line in summary.in_order
    ]


def told(line: Line) -> str:
    if line.failure:
        return f"{line.failure.message} {line.failure.hint}".strip()
    return line.result


def took(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, hours = round(seconds / 60), int(seconds // 3600)
    return f"{minutes} min" if minutes < 90 else f"{hours} h {round(seconds / 60) - 60 * hours} min"
