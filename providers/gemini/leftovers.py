"""What a cancelled or failed job, or a staged file without a job, leaves behind in Google Cloud."""

from errors import Refused
from providers.gemini.access import Access
from providers.gemini.faults import is_missing
from providers.gemini.jobs import STATES, Jobs, state_of
from providers.gemini.staging import Staging
from providers.hosted import Leftover
from records import ENDED


def of_label(jobs: Jobs, label: str) -> list[Leftover]:
    """Open jobs, staged files and models of that label. A file that another open job needs is left out."""
    mine = jobs.labelled(label)
    names = {job.name for job in mine}
    needed = {_file(job) for job in jobs.newest() if _is_open(job) and job.name not in names}
    left = [Leftover("job", job.name, f"still {state_of(job)}") for job in mine if _is_open(job)]
    for job in mine:
        if (uri := _file(job)) and uri not in needed:
            left.append(Leftover("file", uri, f"of {job.name}"))
        if job.tuned_model and job.tuned_model.model:
            left.append(Leftover("model", job.tuned_model.model, f"made by {job.name}"))
    return list(dict.fromkeys(left))


def without_job(jobs: Jobs, staging: Staging) -> list[Leftover]:
    """Staged files that no job used: sent just before a crash."""
    used = {_file(job) for job in jobs.newest()}
    return [
        Leftover("file", uri, f"{size:,} bytes, used by no job")
        for uri, size in staging.listed().items()
        if uri not in used
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
