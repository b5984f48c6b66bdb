"""Keep a model as a version of its name, and point the name at it unless it is worse than the one before."""

import logging
from typing import NamedTuple

from prefect import task
from prefect.cache_policies import NO_CACHE

from errors import LuthierError
from providers import AsksRivals
from records import Evaluation, TunedModel, Verdict
from registry.store import Registry
from registry.versions import Version
from tasks.retries import PATIENT
from tasks.wiring import open_registry, provider_named
from validation.scoring import score

log = logging.getLogger("luthier.versions")
RANK: dict[Verdict, int] = {"worse": 0, "no better": 1, "better": 2}


class Judgement(NamedTuple):
    promote: bool
    words: str
    comparison: Evaluation | None = None


@task(name="keep version", **PATIENT | {"cache_policy": NO_CACHE})
def keep_version(name: str, alias: str | None, model: TunedModel) -> Version:
    """The version that the model is. One that was judged before is left as it is, wherever the name points.

    Raises InvalidData for an alias that another name has.
    """
    registry = open_registry()
    version = registry.add_version(name, model)
    if not version.judgement:
        judged = judgement_on(version, model, registry)
        version = registry.judge_version(version, judged.words, judged.promote, judged.comparison)
        log.info("%s version %d: %s", name, version.number, version.judgement)
    registry.give_alias(name, alias)
    return version


def judgement_on(version: Version, model: TunedModel, registry: Registry) -> Judgement:
    """Against the version that is current now: on the same questions if both can be asked, else by what each
    gained over its base."""
    current = registry.current_version(version.name)
    if current is None:
        return Judgement(True, "There was no other.")
    before = registry.model(current.model_id)
    comparison = same_questions(model, before, registry)
    if comparison:
        stays = comparison.verdict == "worse"
        return Judgement(not stays, _words(comparison, current.number, stays), comparison)
    return by_margins(model, before, current.number)


def same_questions(model: TunedModel, before: TunedModel, registry: Registry) -> Evaluation | None:
    """Both on the new holdout, by the paired test; none where a vendor would have to be paid for the answers,
    the one before can't be asked, or nothing was held out."""
    job, dataset = registry.job(model.job_id), registry.dataset(model.dataset_id)
    try:
        provider = provider_named(model.provider)
        if not isinstance(provider, AsksRivals) or before.provider != model.provider:
            return None
        answers = provider.rival_answers(job.remote_id or "", before.base_model, registry.reference(before))
    except LuthierError as error:
        log.warning("%s can't be asked, so gains over the base are compared: %s", before.id, error)
        return None
    return score(dataset.kind, answers, seed=job.recipe.seed) if answers else None


def by_margins(model: TunedModel, before: TunedModel, number: int) -> Judgement:
    """The holdouts differ, so the figures can't be compared, but the verdicts over the bases can."""
    new, old = model.evaluation, before.evaluation
    if new is None or old is None or not new.holdout_examples or not old.holdout_examples:
        return Judgement(True, f"It was not compared with version {number}: there is no holdout to ask.")
    words = f"Against its base it is {new.verdict}, version {number} was {old.verdict}."
    if RANK[new.verdict] < RANK[old.verdict]:
        return Judgement(False, f"{words} The name stays at version {number}.")
    return Judgement(True, words)


def _words(comparison: Evaluation, number: int, stays: bool) -> str:
    found = f"Against version {number} on the same questions: {comparison.summary}"
    return f"{found} The name stays at version {number}." if stays else found
