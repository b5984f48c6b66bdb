"""What became of failed jobs: kept as an artifact, and the tries counted."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from batch.chores import Retry
from records import Failure, TunedModel
from tasks.artifacts import show_markdown
from tasks.choose_retries import work_of
from tasks.markdown import retries_markdown
from tasks.wiring import open_registry

log = logging.getLogger("luthier.retry")


def count_try(retry: Retry) -> None:
    """Before it begins, so that one which kills its process is counted too."""
    registry = open_registry()
    registry.count_try(work_of(registry.job(retry.job_id)))


def went_well(retry: Retry, model: TunedModel) -> Retry:
    return retry.but(ended=f"It made {model.id}.", model_id=model.id)


def went_wrong(retry: Retry, failure: Failure) -> Retry:
    log.error("%s: %s %s", retry.job_id, failure.message, failure.hint)
    return retry.but(ended=f"{failure.message} {failure.hint}".strip())


@task(name="report retries", cache_policy=NO_CACHE)
def report_retries(retries: list[Retry]) -> list[Retry]:
    tried = [one for one in retries if one.what == "retried"]
    made = [one for one in tried if one.model_id]
    said = f"{len(retries)} failed jobs: {len(tried)} tried again, {len(made)} of them made a model."
    show_markdown("retries", retries_markdown(retries), said)
    log.info("%s", said)
    return retries
