"""What a cancelled or failed job, or an upload without a job, leaves behind at OpenAI; and its removal."""

import time
from collections.abc import Collection
from datetime import timedelta
from itertools import chain, islice
from typing import Any

import openai

from errors import LuthierError
from providers.hosted import Leftover
from providers.openai.faults import is_missing, mapped
from providers.openai.files import LISTED_PAGES, Files
from providers.openai.jobs import Jobs

LOST = ("failed", "cancelled")
# any other is a state in which it may still train, one that nobody here knows of too
OVER = ("succeeded", *LOST)


def of_labels(client: openai.OpenAI, jobs: Jobs, labels: Collection[str]) -> dict[str, list[Leftover]]:
    """What is there of the jobs of each label: open jobs, files and models.

    A file that a job of another label needs or has used well is left out, and so is what is gone already.
    """
    found = {label: jobs.labelled(label) for label in labels}
    mine = {job.id for own in found.values() for job in own}
    others = [job for job in jobs.newest() if job.id not in mine and job.status not in LOST]
    needed = {file for job in others for file in (job.training_file, job.validation_file)}
    there = _there(client, jobs) if mine else set()
    return {
        label: [one for job in own for one in _of_job(job, there - needed)] for label, own in found.items()
    }


def _of_job(job: Any, there: Collection[str]) -> list[Leftover]:
    left = [Leftover("job", job.id, f"still {job.status}")] if job.status not in OVER else []
    files = chain([job.training_file, job.validation_file], job.result_files or [])
    left += [Leftover("file", file, f"of {job.id}") for file in files if file in there]
    if job.fine_tuned_model in there:
        left.append(Leftover("model", job.fine_tuned_model, f"made by {job.id}"))
    return list(dict.fromkeys(left))


def _there(client: openai.OpenAI, jobs: Jobs) -> set[str]:
    """Ids of all files and models."""

    def ask() -> set[str]:
        with mapped("listing files and models"):
            # a service that repeats its page must not be asked for ever
            pages = islice(client.files.list(limit=10_000).iter_pages(), LISTED_PAGES)
            files = {file.id for page in pages for file in page.data}
            return files | {model.id for model in client.models.list()}

    return jobs.patience(ask)


def without_job(jobs: Jobs, files: Files, age: timedelta) -> list[Leftover]:
    """Training files of Luthier's that no job uses and that are as old: sent just before a crash."""
    before = time.time() - age.total_seconds()
    used = {file for job in jobs.newest() for file in (job.training_file, job.validation_file)}
    return [
        Leftover("file", file.id, f"{file.filename}, {file.bytes:,} bytes, used by no job")
        for file in files.listed()
        if (file.filename or "").startswith("luthier-") and file.id not in used and file.created_at <= before
    ]


def remove(client: openai.OpenAI, jobs: Jobs, leftover: Leftover) -> None:
    """Cancel the job, or delete the file or model. What is gone already is no fault."""
    try:
        match leftover.kind:
            case "job":
                jobs.cancel(leftover.id)
            case "file":
                with mapped("deleting the file"):
                    client.files.delete(leftover.id)
            case "model":
                with mapped("deleting the model"):
                    client.models.delete(leftover.id)
    except LuthierError as error:
        if not is_missing(error):
            raise
