"""What hosted jobs were estimated to cost, and what the vendors billed for."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from errors import LuthierError
from providers.catalogue import find
from providers.hosted import Billed, billed
from records import Job
from settings import settings


class Bill(NamedTuple):
    """`billed` by job. `total`: tokens and US dollars over all jobs; the estimates are of the billed ones.

    `unpriced_jobs` are in the tokens and not in the dollars.
    """

    billed: dict[str, Billed]
    total: dict[str, Any]


def of_job(job: Job) -> Billed | None:
    """What the vendor counted, priced as estimated; None for own hardware and before it has counted."""
    try:
        return billed(job, find(job.recipe.base_model, settings().bases_file))
    except LuthierError:
        return billed(job, None)


def of_jobs(jobs: Sequence[Job]) -> Bill:
    found = {job.id: price for job in jobs if (price := of_job(job))}
    estimates = [job.estimate.usd for job in jobs if job.estimate and job.id in found]
    total = {
        "billed_jobs": len(found),
        "billed_tokens": sum(price.tokens for price in found.values()),
        "billed_usd": round(sum(price.usd or 0 for price in found.values()), 6),
        "unpriced_jobs": sum(price.usd is None for price in found.values()),
        "estimated_usd": round(sum(estimates), 6),
    }
    return Bill(found, total)
