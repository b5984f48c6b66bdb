"""How one spec of a batch went: kept in the registry, so that the next night knows, and told in a line."""

import logging

from batch.summary import Line, took
from logs import about
from records import Evaluation, Failure, Job, TunedModel, now
from registry.batches import SpecRun
from registry.versions import Version
from tasks.plan_batch import Order
from tasks.wiring import open_registry

log = logging.getLogger("luthier.batch")


def begun(order: Order) -> None:
    about(job="")
    log.info("%s: %s.", order.spec.name, order.reason)
    registry = open_registry()
    last = registry.spec_run(order.spec.name)
    run = SpecRun(name=order.spec.name, data=order.data, spec=order.asked)
    if last:
        interrupted = last.status == "in_progress" and (last.data, last.spec) == (run.data, run.spec)
        run = run.but(trained_at=last.trained_at, began_at=last.began_at if interrupted else run.began_at)
    registry.keep_spec_run(run)


def made(order: Order, model: TunedModel, version: Version, seconds: float) -> Line:
    registry = open_registry()
    run, current = _run(order), registry.current_version(version.name)
    is_current = current is not None and current.number == version.number
    known = version.created_at < run.began_at
    ids = {"job_id": model.job_id, "model_id": model.id, "version": version.number}
    registry.keep_spec_run(
        run.but(status="succeeded", failure=None, trained_at=run.trained_at if known else now(), **ids)
    )
    result = _known_already(version, current) if known else _new(version, model)
    log.info("%s: %s (%s)", order.spec.name, result, took(seconds))
    return Line(
        spec=order.file, name=order.spec.name, what="skipped" if known else "trained", reason=order.reason,
        result=result, current=is_current, seconds=round(seconds, 1), **ids,
    )  # fmt: skip


def failed(order: Order, job: Job | None, failure: Failure, seconds: float) -> Line:
    job_id = job.id if job else None
    open_registry().keep_spec_run(_run(order).but(status="failed", job_id=job_id, failure=failure))
    log.error("%s: %s %s", order.spec.name, failure.message, failure.hint)
    return Line(
        spec=order.file, name=order.spec.name, what="failed", reason=order.reason, failure=failure,
        job_id=job_id, seconds=round(seconds, 1), notify=order.spec.notify,
    )  # fmt: skip


def planned(order: Order) -> Line:
    return Line(spec=order.file, name=order.spec.name, what="planned", reason=order.reason)


def _new(version: Version, model: TunedModel) -> str:
    judged = version.judgement if version.number > 1 else ""
    return f"Version {version.number}: {_measured(model.evaluation)}. {judged}".strip()


def _measured(found: Evaluation | None) -> str:
    """For example: accuracy 41 % → 93 % on 30 questions, better than its base."""
    if found is None or not found.holdout_examples:
        return "not measured, as nothing was held out"
    base, tuned = (
        f"{value:.2f}" if found.metric == "perplexity" else f"{value:.0%}".replace("%", " %")
        for value in (found.base, found.tuned)
    )
    figures = f"{found.metric} {base} → {tuned} on {found.holdout_examples} questions"
    return f"{figures}, {found.verdict} than its base"


def _known_already(version: Version, current: Version | None) -> str:
    found = f"The same data and recipe made version {version.number} before"
    if current and current.number == version.number:
        return f"{found}, which is current."
    other = f"version {current.number} is current" if current else "the name points at none"
    return f"{found}; {other}."


def _run(order: Order) -> SpecRun:
    """As it was begun."""
    begun = open_registry().spec_run(order.spec.name)
    return begun or SpecRun(name=order.spec.name, data=order.data, spec=order.asked)
