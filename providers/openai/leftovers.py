"""What a cancelled or failed job, or an upload without a job, leaves behind at OpenAI; and its removal."""

from itertools import chain

import openai

from errors import LuthierError
from providers.hosted import Leftover
from providers.openai.faults import is_missing, mapped
from providers.openai.files import Files
from providers.openai.jobs import Jobs

OPEN = ("validating_files", "queued", "running", "paused")


def of_label(jobs: Jobs, label: str) -> list[Leftover]:
    """Open jobs, files and models of that label. A file that another open job needs is left out."""
    mine = jobs.labelled(label)
    needed = {
        file
        for job in jobs.newest()
        if job.status in OPEN and job.id not in {own.id for own in mine}
        for file in (job.training_file, job.validation_file)
    }
    left = [Leftover("job", job.id, f"still {job.status}") for job in mine if job.status in OPEN]
    for job in mine:
        files = chain([job.training_file, job.validation_file], job.result_files or [])
        left += [Leftover("file", file, f"of {job.id}") for file in files if file and file not in needed]
        if job.fine_tuned_model:
            left.append(Leftover("model", job.fine_tuned_model, f"made by {job.id}"))
    return list(dict.fromkeys(left))


def without_job(jobs: Jobs, files: Files) -> list[Leftover]:
    """Training files of ours that no job used: sent just before a crash."""
    used = {file for job in jobs.newest() for file in (job.training_file, job.validation_file)}
    return [
        Leftover("file", file.id, f"{file.filename}, {file.bytes:,} bytes, used by no job")
        for file in files.listed()
        if file.filename.startswith("luthier-") and file.id not in used
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
