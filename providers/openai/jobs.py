"""Jobs at OpenAI: started once, found again by their label, and read into our progress."""

import logging
import re
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from itertools import islice
from math import isfinite
from typing import Any

import openai

from errors import Refused, Unavailable
from providers.hosted import GOES_ON, Doubtful, Unwanted, whole
from providers.openai.faults import failure, is_ambiguous, mapped
from providers.patience import Patience
from records import ENDED, Event, Progress, Severity, Status

log = logging.getLogger("luthier.openai")

LABEL = "luthier_job"
DATA = "luthier_data"
PAGE = 100
SEARCHED_PAGES = 50  # when the service ignores the filter by metadata
STATUSES: dict[str, Status] = {
    "validating_files": "validating_files",
    "queued": "queued",
    "pending": "queued",  # Azure's word
    "running": "in_progress",
    "paused": "in_progress",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
WAITING = {
    "validating_files": "OpenAI checks the files.",
    "queued": "Waiting in OpenAI's queue.",
    "pending": "Waiting in OpenAI's queue.",
    "running": "Training at OpenAI.",
    "paused": "Paused at OpenAI; resume or cancel it there.",
    "succeeded": "Trained at OpenAI.",
    "cancelled": "Cancelled at OpenAI.",
}
LEVELS: dict[str, Severity] = {"info": "info", "warn": "warning", "error": "error"}
STEP = re.compile(r"[Ss]tep (\d+)/(\d+)")


class Jobs:
    def __init__(self, client: openai.OpenAI, patience: Patience):
        self.client, self.patience = client, patience

    def create_once(self, label: str, request: dict[str, Any]) -> str:
        """Create the job. When the outcome is unknown, it is looked for before the fault is handed on."""
        try:
            with mapped("starting the job", creating=True):
                # the SDK would repeat a request that timed out, and so start a second paid job
                job = self.client.with_options(max_retries=0).fine_tuning.jobs.create(**request)
                if not isinstance(job.id, str) or not job.id:
                    raise ValueError("a job without an id")
                return job.id
        except Unavailable as error:
            if not is_ambiguous(error):
                raise
            found = self._after_doubt(label)
            if found is None:
                raise Doubtful(error.message, error.hint, retry_after=error.retry_after) from error.__cause__
            log.warning("OpenAI's answer was lost, but the job was started: %s.", found)
            return found

    def _after_doubt(self, label: str) -> str | None:
        """Look several times: the vendor's list may lag behind its jobs."""
        for pause in self.patience.pauses():
            try:
                if found := self.find(label):
                    return found
            except Unavailable as error:
                log.warning("Could not look for the job: %s", error.message)
            self.patience.sleep(pause)
        return None

    def find(self, label: str) -> str | None:
        """The id of the job of that label; one that may still succeed is preferred."""
        found = self.labelled(label)
        found.sort(key=lambda job: (job.status in ("failed", "cancelled"), _number(job.created_at) or 0))
        return str(found[0].id) if found else None

    def labelled(self, label: str) -> list[Any]:
        """All jobs of that label. Every answer is compared here: a service may ignore the filter."""

        def ask() -> list[Any]:
            with mapped("looking for the job"):
                found, honoured = self._filtered(label)
                if not found:
                    newest = self._pages(SEARCHED_PAGES if not honoured else 1)
                    found = [job for job in newest if _label(job) == label]
            return found

        return self.patience(ask)

    def _filtered(self, label: str) -> tuple[list[Any], bool]:
        """Jobs of the label by the vendor's filter, and whether it filtered at all."""
        try:
            jobs = list(self._pages(1, metadata={LABEL: label}))
        except openai.BadRequestError:
            return [], False
        found = [job for job in jobs if _label(job) == label]
        return found, len(found) == len(jobs)

    def _pages(self, pages: int, **question: Any) -> Iterator[Any]:
        """Jobs, newest first. Ends at a page that brings nothing new, whatever `has_more` says.

        Raises ValueError where the service no longer knows how far it was: then from the start.
        """
        seen: set[str] = set()
        for page in islice(_turned(self.client.fine_tuning.jobs.list(limit=PAGE, **question)), pages):
            fresh = [job for job in page.data or [] if job.id not in seen]
            if not fresh:
                return
            seen.update(job.id for job in fresh)
            yield from fresh

    def newest(self) -> list[Any]:
        """The newest jobs of the organisation, some thousands at most."""

        def ask() -> list[Any]:
            with mapped("listing the jobs"):
                return list(self._pages(SEARCHED_PAGES))

        return self.patience(ask)

    def get(self, remote_id: str) -> Any:
        def ask() -> Any:
            with mapped("asking for the job", waiting=True):
                return self.client.fine_tuning.jobs.retrieve(remote_id)

        return self.patience(ask)

    def listed(self, wanted: Collection[str]) -> dict[str, Any]:
        """Those of the jobs that the newest pages show; the rest is to be asked for singly."""

        def ask() -> dict[str, Any]:
            missing, found = set(wanted), {}
            with mapped("asking for the jobs", waiting=True):
                for job in self._pages(len(missing) // PAGE + 3):
                    if job.id in missing:
                        found[job.id] = job
                        missing.discard(job.id)
                    if not missing:
                        break
            return found

        return self.patience(ask)

    def events(self, remote_id: str, pages: int = 20) -> list[Event]:
        """Oldest first."""

        def ask() -> list[Event]:
            with mapped("asking for the job's events", waiting=True):
                listing = self.client.fine_tuning.jobs.list_events(remote_id, limit=PAGE).iter_pages()
                found = {event.id: event for page in islice(listing, pages) for event in page.data or []}
            return sorted(map(_event, found.values()), key=lambda event: event.at)

        return self.patience(ask)

    def cancel(self, remote_id: str) -> None:
        """Nothing happens to a job that has ended. Raises Refused for one that may go on all the same."""

        def ask() -> None:
            with mapped("cancelling the job"):
                self.client.fine_tuning.jobs.cancel(remote_id)

        try:
            self.patience(ask)
        except Refused as error:
            if not isinstance(error.__cause__, openai.BadRequestError):
                raise Refused(error.message, GOES_ON) from error.__cause__
            log.info("The job was not cancelled: %s", error.message)


def _turned(first: Any) -> Iterator[Any]:
    """This page and those after it."""
    pages = first.iter_pages()
    yield next(pages)
    try:
        yield from pages
    except (openai.BadRequestError, openai.NotFoundError) as error:
        raise ValueError("a list that lost its place") from error


def progress(job: Any, events: Callable[[], list[Event]] = list) -> Progress:
    """What the job's own fields say; `events` are asked for only while it trains."""
    said = whole(str(job.status or ""))
    status = STATUSES.get(said)
    if status is None and job.finished_at and model_of(job):
        # whatever it is called by now, it is over, and paid for
        said, status = "succeeded", "succeeded"
    if status is None:
        return Progress(status="in_progress", message=f"OpenAI calls its state '{said}'.", unknown=said)
    if status == "succeeded" and not model_of(job):
        return Progress(status="in_progress", message="Trained; OpenAI has not named the model yet.")
    ended = failure(job) if status == "failed" else None
    failed = ended.failure if ended else None
    metrics = billed_of(job)
    step, steps, last = _last(events() if said == "running" else [])
    return Progress(
        status=status,
        message=failed.message if failed else WAITING[said],
        metrics=last | metrics,
        step=step,
        steps=steps,
        estimated_finish=None if status in ENDED else _time(job.estimated_finish),
        failure=failed,
        final=isinstance(ended, Unwanted),
    )


def model_of(job: Any) -> str:
    """Empty while OpenAI has not named it."""
    return job.fine_tuned_model if isinstance(job.fine_tuned_model, str) else ""


def billed_of(job: Any) -> dict[str, float]:
    tokens = _number(job.trained_tokens)
    return {"trained_tokens": tokens} if tokens and tokens > 0 else {}


def _label(job: Any) -> str | None:
    metadata = job.metadata
    return metadata.get(LABEL) if isinstance(metadata, dict) else None


def _time(seconds: Any) -> datetime | None:
    """None for what is no time in seconds: the SDK passes on whatever a service says."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _event(event: Any) -> Event:
    numbers = event.data if isinstance(event.data, dict) else {}
    metrics = {key: number for key, value in numbers.items() if (number := _number(value)) is not None}
    message = whole(str(event.message or ""))
    if "total_steps" in metrics:
        metrics["steps"] = metrics.pop("total_steps")
    if at := STEP.search(message):
        metrics = {"step": float(at[1]), "steps": float(at[2])} | metrics
    return Event(
        at=_time(event.created_at) or datetime.fromtimestamp(0, UTC),
        level=LEVELS.get(str(event.level), "info"),
        message=message,
        metrics=metrics,
    )


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) and isfinite(value) else None
    except OverflowError:
        return None


def _last(events: list[Event]) -> tuple[int, int, dict[str, float]]:
    """Step, steps and the metrics of the newest event that has any."""
    for event in reversed(events):
        if event.metrics:
            rest = {key: value for key, value in event.metrics.items() if key not in ("step", "steps")}
            return int(event.metrics.get("step", 0)), int(event.metrics.get("steps", 0)), rest
    return 0, 0, {}
