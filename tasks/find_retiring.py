"""Models whose base is shut down: by what the vendors say today, else by the catalogue's dates."""

import logging
import shlex
from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from batch.chores import Retirement, threshold
from errors import LuthierError, NotConfigured
from providers import NamesShutdowns
from providers.catalogue import Base, bases
from records import TunedModel, now
from settings import settings
from tasks.retries import PATIENT
from tasks.wiring import open_registry, provider_named

log = logging.getLogger("luthier.retirement")


@task(name="find retiring", **PATIENT | {"cache_policy": NO_CACHE})
def find_retiring() -> list[Retirement]:
    """Every model that has a last day, the nearest first; `told` where a threshold was reached anew."""
    registry, today = open_registry(), now().date()
    live: dict[str, dict[str, date]] = {}
    found = []
    for model in registry.models():
        if model.provider not in live:
            live[model.provider] = shutdowns(model.provider)
        retirement = retiring(model, live[model.provider], today)
        if retirement is None:
            continue
        reached = threshold(retirement.days_left)
        if reached is not None and not registry.was_told(notice(retirement, reached)):
            retirement = retirement.but(told=reached)
        found.append(retirement)
    return sorted(found, key=lambda one: (one.day, one.name, one.model_id))


def notice(retirement: Retirement, reached: int) -> str:
    """A date that the vendor moves is told anew."""
    return f"retiring {retirement.model_id} {retirement.day} {reached}"


def shutdowns(provider: str) -> dict[str, date]:
    """What the vendor itself says; nothing where it says nothing or can't be asked."""
    try:
        asked = provider_named(provider)
        return asked.shutdowns() if isinstance(asked, NamesShutdowns) else {}
    except NotConfigured as error:
        log.info("The catalogue's dates count for %s: %s", provider, error.message)
    except LuthierError as error:
        log.warning("%s can't be asked, so the catalogue's dates count: %s", provider, error)
    return {}


def retiring(model: TunedModel, live: dict[str, date], today: date) -> Retirement | None:
    base = bases(settings().bases_file).get(model.base_model)
    # a tuned model may have a day of its own; it dies with its base at the latest
    named = [live[name] for name in (model.reference, model.base_model) if name in live]
    day = min(named) if named else base.inference_until if base else None
    if day is None:
        return None
    successor = base.successor if base else ""
    return Retirement(
        model_id=model.id,
        name=model.display_name,
        base_model=model.base_model,
        dataset_id=model.dataset_id,
        day=day,
        days_left=(day - today).days,
        successor=successor,
        source="vendor" if named else "catalogue",
        command=command(model, bases(settings().bases_file).get(successor), today),
    )


def command(model: TunedModel, successor: Base | None, today: date) -> str:
    """Moves the same dataset to the successor if that can be tuned, else to own hardware."""
    other = successor.id if successor and successor.tunable_on(today) else settings().base_model
    name = shlex.quote(model.display_name)
    return f"luthier train --dataset {model.dataset_id} --base-model {other} --name {name}"
