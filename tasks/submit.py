"""Start the job at its provider, or find the one that was started before: exactly one, whatever happens."""

import logging
import time
from datetime import timedelta

from prefect import task
from prefect.cache_policies import NO_CACHE

from errors import LuthierError, NotConfigured, Unavailable
from providers import TITLES, Sells, is_hosted
from providers.hosted import Doubtful
from records import Job, Progress, now
from registry.store import Registry
from registry.submissions import Claim, Submission
from tasks.failures import ended_well, kept_with
from tasks.limits import at_rate
from tasks.retries import PATIENT, is_far_off
from tasks.wiring import carry, open_registry, polling, provider_named
from waiting.parking import is_deployed, park

log = logging.getLogger("luthier.submit")

LOOK_SECONDS = 5.0
# claims of this process that the registry could not take back: else it would wait for itself
unreleased: dict[str, str] = {}


def submit(job: Job, hold: bool = True) -> Job:
    """The job with its remote id.

    Where the vendor takes no jobs for hours (a daily limit), a deployed run is parked until it does. With
    `hold` off the job is given back without a remote id instead, to be submitted from `resume_at` on.
    """
    while True:
        try:
            return start(job, put_off=True)
        except Unavailable as error:
            if not is_far_off(error):
                raise
            resume_at = now() + timedelta(seconds=error.retry_after or 0)
            message = f"{error.message} It is tried again at {resume_at:%Y-%m-%d %H:%M} UTC."
        waiting = Progress(status="queued", message=message)
        job = open_registry().update_job(job.id, status="queued", progress=waiting, resume_at=resume_at)
        if not hold:
            return job
        if is_deployed():
            carry(job, parked=True)
            park(resume_at, message)
        log.warning("%s", message)
        while job.waits:
            time.sleep(1)
            job = open_registry().job(job.id)


# the ledger knows what was started; a kept result would not start a trainer that died
@task(name="submit", **PATIENT | {"cache_policy": NO_CACHE})
def start(job: Job, put_off: bool = False) -> Job:
    """`put_off`: who calls tries again where the vendor asks for hours. Else the job has failed until
    somebody does."""
    registry = open_registry()
    job = ended_well(registry.job(job.id))
    if job.status == "succeeded":
        return job
    provider = provider_named(job.provider)
    with kept_with(job, put_off=put_off):
        at_rate(job.provider)
        if isinstance(provider, Sells):
            remote_id = submitted_once(job, provider, registry)
        else:
            remote_id = provider.start(registry.dataset(job.dataset_id), job.recipe, job.id)
    place = f"at {TITLES[job.provider]}" if is_hosted(job.provider) else "on this machine"
    log.info("Job %s runs %s.", job.id, place)
    deadline = polling().deadline() if is_hosted(job.provider) else None
    progress = None if job.remote_id is None else job.progress
    job = registry.update_job(
        job.id,
        status="in_progress",
        remote_id=remote_id,
        progress=progress,
        resume_at=None,
        deadline=deadline,
    )
    if job.status == "cancelled":
        # while it was submitted, by somebody who could not know of it yet
        provider.cancel(remote_id)
    return ended_well(job)


def submitted_once(job: Job, provider: Sells, registry: Registry) -> str:
    """The ledger first, then the vendor's own list (`order` looks for our label), then a new job.

    Waits while another worker submits it, which takes as long as its upload: to fail would fail the job that
    the other one is about to start. A claim ends by itself, so the wait does.
    """
    if left := unreleased.get(job.id):
        registry.release(job.id, left)
        unreleased.pop(job.id, None)
    submission, token = registry.intend(job.id, job.provider, job.id)
    if token is None and not submission.remote_id:
        log.info("Another worker is submitting %s; waiting for it.", job.id)
    while token is None and not submission.remote_id:
        time.sleep(LOOK_SECONDS)
        submission, token = registry.intend(job.id, job.provider, job.id)
    if token is None:
        return submission.remote_id or ""
    try:
        remote_id = bought(job, provider, registry, Claim(submission, token))
        kept = registry.record_remote(job.id, remote_id).remote_id or remote_id
    finally:
        try:
            registry.release(job.id, token)
        except Unavailable:
            unreleased[job.id] = token
            raise
    if kept != remote_id:
        # our claim ran out in a very slow call and another worker's job counts
        provider.cancel(remote_id)
    return kept


def bought(job: Job, provider: Sells, registry: Registry, claim: Claim) -> str:
    """Raises Doubtful while it may be bought already without being listed: nothing is bought meanwhile."""
    submission, token = claim.submission, claim.token or ""
    if submission.doubtful_until and submission.doubtful_until > now():
        if found := provider.find(job.id):
            return found
        raise in_doubt("The answer to an earlier order of it was lost.", job, submission)
    dataset = registry.dataset(job.dataset_id)
    try:
        return provider.order(dataset, job.recipe, job.id, lambda: registry.order(job.id, token))
    except Doubtful as error:
        raise in_doubt(error.message, job, registry.submitted(job.id) or submission) from error
    except NotConfigured:
        # a page of something on the way, which may have passed the order on: the doubt stays
        raise
    except LuthierError:
        registry.not_ordered(job.id, token)
        raise


def in_doubt(why: str, job: Job, submission: Submission) -> Doubtful:
    vendor, moment = TITLES[job.provider], now()
    until = submission.doubtful_until or moment
    return Doubtful(
        f"{why} Whether {vendor} started {job.id} is not known: it does not list it yet.",
        f"Nothing is bought twice: it is looked for, and ordered again only after {until:%H:%M:%S} UTC, if "
        f"it is still not listed. If you see it at {vendor}, leave it there: it is taken over.",
        retry_after=max((until - moment).total_seconds(), 1.0),
    )
