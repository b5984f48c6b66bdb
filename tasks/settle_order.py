"""How one spec of a batch went: kept in the registry, so that the next night knows, and told in a line."""

import logging
from datetime import datetime

from batch.summary import Line, took
from records import Failure, Job, TunedModel, now
from registry.batches import SpecRun
from registry.versions import Version
from tasks.plan_batch import Order
from tasks.wiring import open_registry

log = logging.getLogger("luthier.batch")


def begun(order: Order) -> None:
    log.info("%s: %s.", order.spec.name, order.reason)
    open_registry().keep_spec_run(_run(order, trained_at=_trained_before(order)))


def made(order: Order, model: TunedModel, version: Version, seconds: float) -> Line:
    registry = open_registry()
    current = registry.current_version(version.name)
    is_current = current is not None and current.number == version.number
    found_again = model.created_at.timestamp() < now().timestamp() - seconds - 1
    registry.keep_spec_run(
        _run(
            order, status="succeeded", job_id=model.job_id, model_id=model.id, version=version.number,
            trained_at=_trained_before(order) if found_again else now(),
        )
    )  # fmt: skip
    measured = model.evaluation.summary if model.evaluation else ""
    judged = version.judgement if version.number > 1 else ""
    result = f"Version {version.number}. {measured} {judged}".strip()
    if found_again:
        where = (
            "current" if is_current else f"not current, version {current.number if current else 'none'} is"
        )
        result = f"The same data and recipe made version {version.number} before, which is {where}."
    log.info("%s: %s (%s)", order.spec.name, result, took(seconds))
    return Line(
        spec=order.file, name=order.spec.name, what="skipped" if found_again else "trained",
        reason=order.reason, result=result, version=version.number, current=is_current,
        model_id=model.id, job_id=model.job_id, seconds=round(seconds, 1),
    )  # fmt: skip


def failed(order: Order, job: Job | None, failure: Failure, seconds: float) -> Line:
    job_id = job.id if job else None
    open_registry().keep_spec_run(
        _run(order, status="failed", job_id=job_id, failure=failure, trained_at=_trained_before(order))
    )
    log.error("%s: %s %s", order.spec.name, failure.message, failure.hint)
    return Line(
        spec=order.file, name=order.spec.name, what="failed", reason=order.reason, failure=failure,
        job_id=job_id, seconds=round(seconds, 1),
    )  # fmt: skip


def planned(order: Order) -> Line:
    return Line(spec=order.file, name=order.spec.name, what="planned", reason=order.reason)


def _trained_before(order: Order) -> datetime | None:
    last = open_registry().spec_run(order.spec.name)
    return last.trained_at if last else None


def _run(order: Order, **changes: object) -> SpecRun:
    plain = SpecRun(name=order.spec.name, data=order.data, spec=order.asked)
    return plain.but(**changes)
