"""Carries out runs without a server, as long as there are any: `python -m web.unattended`.

`luthier train --no-wait` starts it. Where a server or another of its kind works already, it ends at once.
"""

import logging
import time

from errors import LuthierError
from launch.recorded import show_steps
from registry import Registry
from settings import quiet_dependencies, settings
from web.runner import LOOK_SECONDS, Runner, log


def work_off(runner: Runner) -> None:
    while has_work(runner) and runner.leads():
        while has_work(runner):
            try:
                runner.tick()
            except LuthierError as error:
                log.warning("The runner could not work: %s", error)
            time.sleep(LOOK_SECONDS)
        # let go before it looks once more: who came meanwhile may have relied on it
        runner.close()


def has_work(runner: Runner) -> bool:
    return any(not run.elsewhere for run, *_ in runner.registry.unfinished_runs())


if __name__ == "__main__":
    quiet_dependencies()
    show_steps()
    log.setLevel(logging.INFO)
    work_off(Runner(settings(), Registry(**settings().registry_arguments)))
