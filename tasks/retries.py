"""How every step behaves when it fails: passing faults are tried again with backoff and jitter, and what
is done is not done again when the run is retried."""

import time
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import exponential_backoff

from errors import LuthierError, TrainingFailed, Unavailable
from records import Failure
from tasks.caching import SAME_RUN
from tasks.telling import tell_failure
from tasks.wiring import forget_unless_retried

LONGEST_WAIT_SECONDS = 600


def is_passing(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure may pass by itself. Waits here for as long as the vendor asked for."""
    try:
        state.result()
    except Unavailable as error:
        if is_far_off(error):
            return False
        # Prefect takes no delay from an error, so Retry-After is slept through before its own backoff
        time.sleep(error.retry_after or 0)
        return True
    except TrainingFailed as error:
        return error.transient
    except BaseException:
        return False
    return False


def passes(failure: Failure) -> bool:
    """Whether a failure that was kept may pass by itself. What needs a person never does."""
    return failure.transient or failure.code == Unavailable.code


def is_far_off(error: LuthierError) -> bool:
    """Whether the vendor asks for a wait that no process should sit out, a daily limit for instance."""
    return isinstance(error, Unavailable) and (error.retry_after or 0) > LONGEST_WAIT_SECONDS


# How a flow behaves: its finished steps are kept for a retry, and its failure is told.
RESUMABLE: dict[str, Any] = {
    "persist_result": True,
    "result_serializer": "json",
    "on_failure": [tell_failure, forget_unless_retried],
    "on_crashed": [forget_unless_retried],
}
PATIENT: dict[str, Any] = {
    "cache_policy": SAME_RUN,
    "retries": 5,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_passing,
}
