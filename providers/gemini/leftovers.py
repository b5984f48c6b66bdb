"""What a cancelled or failed job, or a staged file without a job, leaves behind in Google Cloud."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

from errors import Refused
from providers.gemini.access import Access
from providers.gemini.faults import is_missing
from providers.gemini.jobs import STATES, Jobs, state_of
from providers.gemini.staging import Staging
from providers.hosted import Leftover
from records import ENDED, now

LOST = ("FAILED", "CANCELLED", "EXPIRED")


def of_labels(
    access: Access, jobs: Jobs, staging: Staging, labels: Collection[str]
) -> dict[str, list[Leftover]]:
    """What is there of the jobs of each label: open jobs, staged files and models.

    A file that a job of another label needs or has used well is left out, and so is what is gone already.
    """
    found = {label: jobs.labelled(label) for label in labels}
    names = {job.name for own in found.values() for job in own}
    others = [job for job in jobs.newest() if job.name not in names and state_of(job) not in LOST]
    staged = staging.listed().keys() - {_file(job) for job in others} if names else set()
    return {
        label: list(dict.fromkeys(one for job in own for one in _of_job(access, job, staged)))
        for label, own in found.items()
    }


def _of_job(access: Access, job: Any, staged: Collection[str]) -> Iterator[Leftover]:
    if _is_open(job):
        yield Leftover("job", job.name, f"still {state_of(job)}")
    if (uri := _file(job)) in staged:
        yield Leftover("file", str(uri), f"of {job.name}")
    model = job.tuned_model.model if job.tuned_model else None
    if model and _is_there(access, model):
        yield Leftover("model", model, f"made by {job.name}")


def _is_there(access: Access, model: str) -> bool:
    name = model.partition("@")[0]
    try:
        access.asked("asking for the model", lambda: access.client.models.get(model=name))
    except Refused as error:
        if is_missing(error):
            return False
        raise
    return True


def without_job(jobs: Jobs, staging: Staging, age: timedelta) -> list[Leftover]:
    """Staged files that no job uses and that are as old: sent just before a crash."""
    used = {_file(job) for job in jobs.newest()}
    return [
        Leftover("file", uri, f"{blob.size or 0:,} bytes, used by no job")
        for uri, blob in staging.listed().items()
        if uri not in used and blob.time_created <= now() - age
    ]


def remove(access: Access, jobs: Jobs, staging: Staging, leftover: Leftover) -> None:
    """Cancel the job, or delete the file or model. What is gone already is no fault."""
    try:
        match leftover.kind:
            case "job":
                jobs.cancel(leftover.id)
            case "file":
                staging.delete(leftover.id)
            case "model":
                name = leftover.id.partition("@")[0]
                access.asked("deleting the model", lambda: access.client.models.delete(model=name))
    except Refused as error:
        if not is_missing(error):
            raise


def _is_open(job: object) -> bool:
    return STATES.get(state_of(job)) not in ENDED


def _file(job: object) -> str | None:
    spec = getattr(job, "supervised_tuning_spec", None)
    return spec.training_dataset_uri if spec else None
