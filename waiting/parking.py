"""Prefect runs that wait: parked in a state of their own without process, worker slot or limit, and woken.

A parked run is `Scheduled` under the name WaitingForProvider, at the moment when it wakes by itself. Which
job it waits for stands in the registry; that it is parked, Prefect alone says.
"""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from errors import Unavailable
from settings import quiet_dependencies

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

log = logging.getLogger("luthier.waiting")

PARKED = "WaitingForProvider"
WOKEN = "Woken"
PAGE = 200


def is_deployed() -> bool:
    """Whether a worker runs this flow, and would start it again."""
    from prefect.runtime import deployment

    return deployment.id is not None


def park(until: datetime, why: str) -> NoReturn:
    """Give back the process of this flow run, to go on at `until` or when it is woken. Never returns.

    To be called by a flow, not by a task, whose run would stay in progress. What the tasks did stays done.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import Abort
    from prefect.runtime import flow_run
    from prefect.states import Scheduled, State

    log.info("%s Parked until %s UTC at the latest.", why, f"{until:%Y-%m-%d %H:%M}")
    state: State[Any] = Scheduled(name=PARKED, scheduled_time=until, message=why)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(flow_run.id), state)
    raise Abort("the run is parked")


@contextmanager
def server() -> "Iterator[SyncPrefectClient]":
    """Raises Unavailable where it can't be reached or fails."""
    quiet_dependencies()
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        with get_client(sync_client=True) as client:
            yield client
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        raise Unavailable(
            f"The Prefect server fails: {error}.", "Look at its log, then try again."
        ) from error


def is_cancelled() -> bool:
    """Whether this flow run is to end, and not only the process or machine that it runs on."""
    from prefect.runtime import flow_run

    try:
        with server() as client:
            state = client.read_flow_run(UUID(flow_run.id)).state
    except Unavailable as error:
        # it is asked by whoever goes on, and by reap-jobs
        log.warning("%s", error)
        return False
    return state is not None and (state.is_cancelling() or state.is_cancelled())


def parked_runs() -> list[str]:
    """The ids of all parked runs."""
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    parked = FlowRunFilter.model_validate({"state": {"name": {"any_": [PARKED]}}})
    found: list[str] = []
    with server() as client:
        while True:
            page = client.read_flow_runs(
                flow_run_filter=parked, sort=FlowRunSort.ID_DESC, limit=PAGE, offset=len(found)
            )
            found += [str(run.id) for run in page]
            if len(page) < PAGE:
                return found


def wake(flow_run_ids: Collection[str], why: str) -> int:
    """Have workers go on with those of the runs that are parked; returns how many there were.

    Woken twice at the same moment a run may start twice. Both do the same, and nothing is bought twice.
    """
    from prefect.exceptions import ObjectNotFound
    from prefect.states import Scheduled

    woken = 0
    with server() as client:
        for id in flow_run_ids:
            try:
                state = client.read_flow_run(UUID(id)).state
            except ObjectNotFound:
                # deleted meanwhile, or a run of another server
                continue
            if state and state.name == PARKED:
                client.set_flow_run_state(UUID(id), Scheduled(name=WOKEN, message=why))
                woken += 1
    return woken
