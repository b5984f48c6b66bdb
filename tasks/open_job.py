"""Open the job: the same dataset and recipe find the same job, so that nothing is bought twice."""

import logging

from prefect import task

from records import Dataset, Job, Recipe
from tasks.retries import PATIENT
from tasks.wiring import base_named, carry, open_registry, provider_named, tell_run

log = logging.getLogger("luthier.open")


@task(name="open job", **PATIENT)
def open_job(dataset: Dataset, recipe: Recipe, name: str | None) -> Job:
    """The job, new or found, with a recipe in which the provider filled in what was left open."""
    registry = open_registry()
    base = base_named(recipe.base_model)
    provider = provider_named(base.provider)
    full = provider.plan(dataset, recipe)
    job_id = Job.id_for(dataset.id, full, 1)
    # told before the job is there: a job without a run would be taken for the command line's
    tell_run(job_id=job_id, dataset_id=dataset.id)
    job = registry.add_job(
        Job(
            id=job_id,
            name=name or recipe.base_model,
            provider=base.provider,
            dataset_id=dataset.id,
            recipe=full,
        )
    )
    carry(job)
    if job.status != "succeeded":
        # what is allowed and measured may have changed since: the same job, with another limit for instance
        job = registry.update_job(job.id, recipe=full)
    if job.status == "succeeded":
        log.info("This model was made before, by job %s.", job.id)
    return job
