"""Measure the tuned model against its base on the holdout."""

import logging

from prefect import task

from records import Evaluation, Job
from tasks.artifacts import show_markdown
from tasks.failures import kept_with
from tasks.limits import at_rate
from tasks.markdown import evaluation_markdown
from tasks.retries import PATIENT
from tasks.wiring import open_registry, provider_named
from validation.scoring import score

log = logging.getLogger("luthier.evaluate")


@task(name="evaluate", **PATIENT)
def evaluate(job: Job) -> Evaluation:
    """Both models answer the same holdout prompts; the verdict is in plain words."""
    dataset = open_registry().dataset(job.dataset_id)
    with kept_with(job):
        at_rate(job.provider)
        answers = provider_named(job.provider).answers(job.remote_id or "", dataset, job.recipe)
    evaluation = score(dataset.kind, answers, seed=job.recipe.seed)
    show_markdown("evaluation", evaluation_markdown(evaluation), f"Evaluation of {job.name}")
    log.info("%s", evaluation.summary)
    return evaluation
