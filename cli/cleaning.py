"""What lies at the vendors that nobody needs any more: found, and told from what must stay."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import providers
from cli.wiring import provider_named
from errors import LuthierError
from records import ENDED, Job

if TYPE_CHECKING:
    from registry.store import Registry

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
    jobs = registry.jobs()
    for name in filter(providers.is_hosted, providers.HOMES):
        own = [job for job in jobs if job.provider == name]
        try:
            vendor: Any = provider_named(name)
            result.found.extend(_left_at(vendor, name, own, registry, also_reusable))
        except LuthierError as error:
            result.unasked[name] = error.message
            continue
        result.vendors[name] = vendor
    return result


def _left_at(
    vendor: Any, name: str, jobs: Sequence[Job], registry: "Registry", also_reusable: bool
) -> list[Found]:
    ended = {job.id: job for job in jobs if job.status in ("failed", "cancelled")}
    left = vendor.leftovers([job.id for job in ended.values() if not is_unsent(job)])
    wanted = any(may_want_its_file(job) for job in jobs)
    loose = [] if wanted else vendor.orphans()
    published = {model.reference for model in registry.models()}
    found = []
    for job_id, things in left.items():
        has_model = registry.model_of_job(job_id) is not None
        for one in things:
            if one.id in published or has_model:
                keep = "a published model needs it"
            elif one.kind == "file" and wanted:
                keep = "a job that is about to start may need it"
            else:
                keep = _reason(one.kind, ended[job_id], also_reusable)
            found.append(Found(name, one.kind, one.id, job_id, one.note, keep))
    return found + [Found(name, one.kind, one.id, "", one.note) for one in loose]


def is_unsent(job: Job) -> bool:
    """Whether the vendor certainly has no job of it."""
    return job.remote_id is None and job.failure is not None and job.failure.code == "invalid_data_format"


def may_want_its_file(job: Job) -> bool:
    """Whether it is open and not started yet: it may have sent a file before."""
    return job.remote_id is None and job.status not in ENDED


def _reason(kind: str, job: Job, also_reusable: bool) -> str:
    if kind in REUSABLE and job.status == "failed" and not also_reusable:
        return "`luthier jobs retry` can still use it"
    return ""
