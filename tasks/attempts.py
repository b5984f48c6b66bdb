"""Whether a stopped job goes on under its own id, or as a new attempt."""

from providers import Provider
from records import Job
from registry.store import Registry
from tasks.wiring import tell_run


def taken_up(job: Job, provider: Provider, registry: Registry) -> Job:
    """The job to submit now: this one reopened, or, where its vendor has ended it for good, the next attempt.

    A failure on our side (a poll, the evaluation, publishing) leaves the vendor's job alone, so it is found
    again and not paid for twice.
    """
    while job.status in ("failed", "cancelled"):
        if provider.resumes or not job.remote_id:
            return registry.reopen_job(job.id)
        if provider.poll(job.remote_id).status not in ("failed", "cancelled"):
            return registry.reopen_job(job.id)
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
