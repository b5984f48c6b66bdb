"""Tell people of models that will stop answering: an event for each threshold, once, and a table of all."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from batch.chores import Retirement
from tasks.artifacts import show_markdown
from tasks.find_retiring import notice
from tasks.markdown import retirements_markdown
from tasks.telling import tell
from tasks.wiring import open_registry

log = logging.getLogger("luthier.retirement")


@task(name="tell retiring", cache_policy=NO_CACHE)
def tell_retiring(found: list[Retirement]) -> list[Retirement]:
    """The same list. What was told is noted after it was told: rather twice than never."""
    registry = open_registry()
    for one in found:
        if one.told is None:
            continue
        log.warning("%s %s", one.message, one.hint)
        tell(
            "luthier.model.retiring",
            f"model.{one.model_id}",
            one.name,
            f"{one.name} is retiring",
            one.message,
            one.hint,
            one.model_dump(mode="json"),
        )
        registry.note_told(notice(one, one.told))
    show_markdown("retirement", retirements_markdown(found), f"{len(found)} models have a last day")
    log.info(
        "%d models have a last day; people were told of %d.",
        len(found),
        sum(one.told is not None for one in found),
    )
    return found
