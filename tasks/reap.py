"""Find jobs that nobody works on any more, and end them or have their runs go on."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.wiring import polling
from waiting.reaping import Reaped, Reaping

log = logging.getLogger("luthier.reap")


@task(name="reap", cache_policy=NO_CACHE)
def reap() -> Reaped:
    done = Reaping(polling()).reap()
    for what, ids in done.model_dump().items():
        if ids:
            log.info("%s: %s", what.replace("_", " "), ", ".join(ids))
    return done
