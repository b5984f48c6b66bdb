"""Before anything is read: refuse at once what would be refused after it."""

import logging

from prefect import task

from errors import Unavailable
from records import Recipe
from tasks.retries import PATIENT
from tasks.wiring import base_named, provider_named

log = logging.getLogger("luthier.admit")


@task(name="admit", **PATIENT)
def admit(recipe: Recipe) -> None:
    """Raises Refused for a base that is unknown, closed or dying, NotConfigured for a missing library or key.

    A vendor that can't be asked now keeps nobody from preparing data: it is asked again before the start.
    """
    provider = provider_named(base_named(recipe.base_model).provider)
    try:
        provider.admit(recipe)
    except Unavailable as error:
        log.info("%s %s", error.message, error.hint)
