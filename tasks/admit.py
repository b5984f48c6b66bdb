"""Before anything is read: refuse at once what would be refused after it."""

import logging

from prefect import task

from errors import Refused, Unavailable
from records import Recipe
from tasks.attempts import bought_before
from tasks.retries import PATIENT
from tasks.wiring import base_named, open_registry, provider_named

log = logging.getLogger("luthier.admit")


@task(name="admit", **PATIENT)
def admit(recipe: Recipe, dataset_id: str | None = None) -> None:
    """Raises Refused for a base that is unknown, closed or dying, NotConfigured for a missing library or key.

    A vendor that can't be asked now keeps nobody from preparing data: it is asked again before the start. Nor
    does a base that has closed since, while its job may be there already: the data will show.
    """
    provider = provider_named(base_named(recipe.base_model).provider)
    try:
        provider.admit(recipe)
    except Unavailable as error:
        log.info("%s %s", error.message, error.hint)
    except Refused as error:
        if not bought_before(recipe, dataset_id, open_registry()):
            raise
        log.info("%s Its job of before goes on, if the data is the same.", error.message)
