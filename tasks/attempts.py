"""Whether there is a job already, and whether a stopped one goes on under its own id or as a new attempt."""

from errors import from_failure
from providers import Provider, is_hosted
from records import Job, Recipe
from registry.store import Registry
from tasks.wiring import provider_named, tell_run


def is_bought(job: Job, registry: Registry) -> bool:
    """Whether a hosted job is at its vendor, so that going on with it buys nothing. Raises Unavailable."""
    if not is_hosted(job.provider):
        return False
    submission = registry.submitted(job.id)
    if job.remote_id or submission is None:
        return bool(job.remote_id)
    # a process that died while it submitted leaves no more than the intent: then the vendor alone knows
    return bool(submission.remote_id or provider_named(job.provider).find(job.id))


def bought_before(recipe: Recipe, dataset_id: str | None, registry: Registry) -> bool:
    """Whether a job of this recipe, on this dataset or on any, is at its vendor. Raises Unavailable."""
    for job in registry.jobs():
        full = job.recipe.but(**recipe.model_dump(exclude_none=True))
        asked = Job.id_for(dataset_id or job.dataset_id, full, job.attempt)
        if asked == job.id and is_bought(job, registry):
            return True
    return False


def taken_up(job: Job, provider: Provider, registry: Registry) -> Job:
    """The job to submit now: this one reopened, or, where its vendor has ended it for good, the next attempt.

    A failure on our side (a poll, the evaluation, publishing) leaves the vendor's job alone, so it is found
    again and not paid for twice. Raises its failure where a new attempt would be of no use, or be paid for
    beside a job that goes on in another project.
    """
    while job.status in ("failed", "cancelled"):
        if provider.resumes or not job.remote_id:
            return registry.reopen_job(job.id)
        seen = provider.poll(job.remote_id)
        if seen.status not in ("failed", "cancelled"):
            return registry.reopen_job(job.id)
        if seen.final and seen.failure:
            raise from_failure(seen.failure)
        again = next_attempt(job)
        tell_run(job_id=again.id)
        job = registry.add_job(again)
    return job


def next_attempt(job: Job) -> Job:
    attempt = job.attempt + 1
    return Job(
        id=Job.id_for(job.dataset_id, job.recipe, attempt),
        name=job.name,
        provider=job.provider,
        dataset_id=job.dataset_id,
        recipe=job.recipe,
        attempt=attempt,
    )
