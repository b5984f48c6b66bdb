"""What lies at the vendors that nobody needs any more: found, and told from what must stay."""

from typing import TYPE_CHECKING, Any, NamedTuple

import providers
from errors import LuthierError
from records import Job
from settings import settings

if TYPE_CHECKING:
    from registry.store import Registry

HOSTED = ("openai", "gemini")
REUSABLE = ("job", "model")


class Found(NamedTuple):
    """`keep` says why it stays, if it does."""

    provider: str
    kind: str
    id: str
    job: str
    note: str
    keep: str = ""


class Search(NamedTuple):
    found: list[Found]
    unasked: dict[str, str]  # vendors that could not be asked, and why
    vendors: dict[str, Any]


def search(registry: "Registry", also_reusable: bool) -> Search:
    """What failed and cancelled jobs left, and files that no job uses.

    Models that are published stay, and so do files of jobs that are open. A job or model at the vendor whose
    own job failed here (an evaluation, a poll) is what `luthier jobs retry` goes on with: it stays unless
    `also_reusable`.
    """
    result = Search([], {}, {})
    published = {model.reference for model in registry.models()}
    every = registry.jobs()
    for name in HOSTED:
        ended = {
            job.id: job for job in every if job.provider == name and job.status in ("failed", "cancelled")
        }
        try:
            vendor: Any = providers.get(name, **settings().provider_arguments(name))
            left = vendor.leftovers([job.id for job in ended.values() if not is_unsent(job)])
            wanted = has_unsent(every, name)
            loose = [] if wanted else vendor.orphans()
        except LuthierError as error:
            result.unasked[name] = error.message
            continue
        result.vendors[name] = vendor
        for job_id, things in left.items():
            published_by = registry.model_of_job(job_id)
            for one in things:
                keep = _reason(one.kind, ended[job_id], also_reusable)
                if one.kind == "file" and wanted:
                    keep = "a job that is about to start may need it"
                if one.id in published or published_by:
                    keep = "a published model needs it"
                result.found.append(Found(name, one.kind, one.id, job_id, one.note, keep))
        result.found.extend(Found(name, one.kind, one.id, "", one.note) for one in loose)
    return result


def is_unsent(job: Job) -> bool:
    """Whether the vendor certainly has no job of it."""
    return job.remote_id is None and job.failure is not None and job.failure.code == "invalid_data_format"


def has_unsent(jobs: list[Job], provider: str) -> bool:
    """Whether an open job may still want a file that it sent before."""
    return any(
        job.provider == provider
        and job.remote_id is None
        and job.status not in ("succeeded", "failed", "cancelled")
        for job in jobs
    )


def _reason(kind: str, job: Job, also_reusable: bool) -> str:
    if kind in REUSABLE and job.status == "failed" and not also_reusable:
        return "`luthier jobs retry` can still use it"
    return ""
