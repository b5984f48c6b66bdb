"""Tuning jobs in Google Cloud: started once, found again by their label, and read into our progress."""

import logging
import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from google.genai.types import CreateTuningJobConfig, ListTuningJobsConfig, TuningDataset

from errors import Refused, TrainingFailed, Unavailable
from providers.gemini.access import Access
from providers.gemini.faults import failure, is_ambiguous, is_status
from providers.hosted import GOES_ON, Doubtful, Unwanted
from records import Event, Finding, Progress, Severity, Status

log = logging.getLogger("luthier.gemini")

LABEL = "luthier_job"
PAGE = 100
SEARCHED_PAGES = 50  # where the service ignores the filter
# the SDK's own `has_ended` misses PARTIALLY_SUCCEEDED
STATES: dict[str, Status] = {
    "QUEUED": "queued",
    "PENDING": "queued",
    "RUNNING": "in_progress",
    "UPDATING": "in_progress",
    "PAUSED": "in_progress",
    "CANCELLING": "in_progress",
    "SUCCEEDED": "succeeded",
    "PARTIALLY_SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "EXPIRED": "failed",
    "CANCELLED": "cancelled",
}
WORDS = {
    "QUEUED": "Waiting in Google's queue.",
    "PENDING": "Google prepares the job.",
    "RUNNING": "Training at Google.",
    "UPDATING": "Google updates the job.",
    "PAUSED": "Paused at Google; resume or cancel it there.",
    "CANCELLING": "Google is cancelling the job.",
    "SUCCEEDED": "Trained at Google.",
    "PARTIALLY_SUCCEEDED": "Trained at Google, but only in part.",
    "CANCELLED": "Cancelled at Google.",
    "WAITING_FOR_QUOTA": "Waiting for quota: the project runs as many tuning jobs as it may.",
    "WAITING_FOR_CAPACITY": "Waiting until Google has hardware free.",
    "PROCESSING_DATASET": "Google checks the training data.",
    "TUNING": "Training at Google.",
    "POST_PROCESSING": "Trained; Google sets up the endpoint.",
}


class Jobs:
    def __init__(self, access: Access):
        self.access = access

    def create_once(self, label: str, base: str, uri: str, config: CreateTuningJobConfig) -> str:
        """Create the job. When the outcome is unknown, it is looked for before the fault is handed on."""

        def create() -> str:
            job = self.access.client.tunings.tune(
                base_model=base, training_dataset=TuningDataset(gcs_uri=uri), config=config
            )
            if not job.name:
                raise ValueError("a job without a name")
            return job.name

        try:
            return self.access.once("starting the job", create, creating=True)
        except Unavailable as error:
            if not is_ambiguous(error):
                raise
            found = self._after_doubt(label)
            if found is None:
                raise Doubtful(error.message, error.hint, retry_after=error.retry_after) from error.__cause__
            log.warning("Google's answer was lost, but the job was started: %s.", found)
            return found

    def _after_doubt(self, label: str) -> str | None:
        """Look several times: the vendor's list may lag behind its jobs."""
        for pause in self.access.patience.pauses():
            try:
                if found := self.find(label):
                    return found
            except Unavailable as error:
                log.warning("Could not look for the job: %s", error.message)
            self.access.patience.sleep(pause)
        return None

    def find(self, label: str) -> str | None:
        """The name of the job of that label; one that may still succeed is preferred."""
        found = self.labelled(label)
        found.sort(key=lambda job: (state_of(job) in ("FAILED", "CANCELLED", "EXPIRED"), _when(job)))
        return str(found[0].name) if found else None

    def labelled(self, label: str) -> list[Any]:
        """All jobs of that label. Google documents no syntax of this filter, so every answer is compared."""
        value = label_value(label)

        def ask() -> list[Any]:
            found, honoured = self._filtered(value)
            if not found:
                newest = self._pages(1 if honoured else SEARCHED_PAGES)
                found = [job for job in newest if _label(job) == value]
            return found

        return self.access.asked("looking for the job", ask)

    def _filtered(self, value: str) -> tuple[list[Any], bool]:
        try:
            jobs = self.access.once(
                "looking for the job", lambda: list(self._pages(1, filter=f'labels.{LABEL}="{value}"'))
            )
        except Refused as error:
            if is_status(error, 400):
                return [], False
            raise
        found = [job for job in jobs if _label(job) == value]
        return found, len(found) == len(jobs)

    def _pages(self, pages: int, filter: str | None = None) -> Iterator[Any]:
        """Jobs, newest first. Ends at a page that brings nothing new."""
        seen: set[str | None] = set()
        pager = self.access.client.tunings.list(config=ListTuningJobsConfig(page_size=PAGE, filter=filter))
        for number in range(pages):
            fresh = [job for job in pager.page or [] if job.name not in seen]
            if not fresh:
                return
            seen.update(job.name for job in fresh)
            yield from fresh
            if number + 1 < pages:
                try:
                    pager.next_page()
                except IndexError:
                    return

    def newest(self) -> list[Any]:
        return self.access.asked("listing the jobs", lambda: list(self._pages(SEARCHED_PAGES)))

    def get(self, remote_id: str) -> Any:
        return self.access.asked("asking for the job", lambda: self.access.client.tunings.get(name=remote_id))

    def listed(self, wanted: Collection[str]) -> dict[str, Any]:
        """Those of the jobs that the newest pages show; the rest is to be asked for singly."""

        def ask() -> dict[str, Any]:
            missing, found = set(wanted), {}
            for job in self._pages(len(missing) // PAGE + 3):
                if job.name in missing:
                    found[job.name] = job
                    missing.discard(job.name)
                if not missing:
                    break
            return found

        return self.access.asked("asking for the jobs", ask)

    def cancel(self, remote_id: str) -> None:
        """Best effort at Google. Nothing happens to a job that has ended.

        Raises Refused for one that may go on all the same.
        """
        try:
            self.access.asked("cancelling the job", lambda: self.access.client.tunings.cancel(name=remote_id))
        except Refused as error:
            if not is_status(error, 400):
                raise Refused(error.message, GOES_ON) from error.__cause__
            log.info("The job was not cancelled: %s", error.message)


def progress(job: Any) -> Progress:
    said, detail = state_of(job), detail_of(job)
    status = STATES.get(said)
    endpoint = job.tuned_model.endpoint if job.tuned_model else None
    if status is None and job.end_time and endpoint:
        # whatever it is called by now, it is over, and paid for
        said, status = "SUCCEEDED", "succeeded"
    if status is None:
        return Progress(status="in_progress", message=f"Google calls its state '{said}'.", unknown=said)
    if said == "SUCCEEDED" and not endpoint:
        return Progress(status="in_progress", message="Trained; Google has not named the endpoint yet.")
    failed = _failure(job, said, endpoint)
    if failed:
        return Progress(
            status="failed",
            message=failed.message,
            metrics=metrics(job),
            failure=failed.failure,
            final=isinstance(failed, Unwanted),
        )
    if status == "in_progress" and detail == "PROCESSING_DATASET":
        status = "validating_files"
    elif status == "in_progress" and detail in ("WAITING_FOR_QUOTA", "WAITING_FOR_CAPACITY"):
        status = "queued"
    steps = int(metrics(job).get("steps", 0))
    return Progress(
        status=status,
        message=" ".join([WORDS.get(detail if said == "RUNNING" else said, WORDS[said]), *_left_out(job)]),
        metrics=metrics(job),
        step=steps if status == "succeeded" else 0,
        steps=steps,
    )


def _failure(job: Any, said: str, endpoint: str | None) -> Any:
    if said == "FAILED":
        return failure(job)
    if said == "EXPIRED":
        return TrainingFailed("The job expired at Google.", "`luthier jobs retry` starts a new attempt.")
    if said == "PARTIALLY_SUCCEEDED" and not endpoint:
        return TrainingFailed(
            "The job ended at Google only in part, without a model.",
            "`luthier jobs retry` starts a new attempt.",
        )
    return None


def metrics(job: Any) -> dict[str, float]:
    """Google's figures of the data; `trained_tokens` is what is billed, with all epochs."""
    stats = _stats(job)
    if stats is None:
        return {}
    tokens = stats.total_billable_token_count
    spec = job.supervised_tuning_spec
    epochs = spec.hyper_parameters.epoch_count if spec and spec.hyper_parameters else None
    found = {
        "examples": stats.tuning_dataset_example_count,
        "billable_tokens": tokens,
        "trained_tokens": tokens * epochs if tokens and epochs else None,
        "steps": stats.tuning_step_count,
        "dropped_examples": stats.total_truncated_example_count,
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def findings(job: Any) -> list[Finding]:
    """What Google left out in silence. Its count is named 'truncated', but the examples are dropped."""
    stats = _stats(job)
    dropped = (stats.total_truncated_example_count or 0) if stats else 0
    if not stats or not dropped:
        return []
    indices, reasons = stats.truncated_example_indices or [], stats.dropped_example_reasons or []
    named = [f"example {index}" for index in indices[:10]]
    why = "; ".join(dict.fromkeys(reasons)).rstrip(".") or "Google gives no reason"
    what = "one training example" if dropped == 1 else f"{dropped} training examples"
    return [
        Finding(
            rule="dropped by the vendor",
            severity="warning",
            message=f"Google left {what} out ({', '.join(named) or 'not named'}): {why}.",
            hint="Shorten or mend them, and train again if they matter.",
            count=dropped,
        )
    ]


def events(job: Any) -> list[Event]:
    """Google keeps no log of a job; its times, state and data figures make one. Oldest first."""
    ended = _failure(job, state_of(job), None) if state_of(job) in ("FAILED", "EXPIRED") else None
    last = ended.message if ended else progress(job).message
    level: Severity = "error" if ended else "info"
    told = [(job.create_time, "info", "Created."), (job.start_time, "info", "Started.")]
    told += [(job.start_time or job.update_time, "warning", finding.message) for finding in findings(job)]
    told.append((job.end_time or job.update_time or job.create_time, level, last))
    return [Event(at=at, level=rank, message=text) for at, rank, text in told if at]


def state_of(job: Any) -> str:
    return _plain(job.state, "JOB_STATE_")


def detail_of(job: Any) -> str:
    return _plain(job.tuning_job_state, "TUNING_JOB_STATE_")


def label_value(label: str) -> str:
    """Labels in Google Cloud: lower-case letters, digits, `_` and `-`, at most 63."""
    return re.sub(r"[^a-z0-9_-]", "-", label.lower())[:63]


def _left_out(job: Any) -> list[str]:
    return [finding.message for finding in findings(job)]


def _plain(state: Any, prefix: str) -> str:
    return str(getattr(state, "value", state) or "").removeprefix(prefix)


def _stats(job: Any) -> Any:
    return job.tuning_data_stats.supervised_tuning_data_stats if job.tuning_data_stats else None


def _label(job: Any) -> str | None:
    return (job.labels or {}).get(LABEL)


def _when(job: Any) -> datetime:
    return job.create_time or datetime.fromtimestamp(0, UTC)
