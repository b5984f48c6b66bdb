"""Prefect runs that are to end, or died: how the server sees them, and the states that they are given."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from records import now
from waiting.parking import PAGE, server

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

# of deployments whose flows go on where they stopped
GO_ON = ("fine-tune", "finish-job", "prepare-dataset", "run-batch", "retry-failed")
TAG = "luthier"
# events that a run's process sends: before the flow starts, then twice a minute
SIGNS = ("prefect.flow-run.pull-step.executed", "prefect.flow-run.heartbeat")


class Ended(NamedTuple):
    """`how` is the type of a final state in lower case, or none while the run may still do something."""

    how: str | None
    message: str
    at: datetime


class Crash(NamedTuple):
    """`times`: how often this run has crashed so far."""

    id: str
    at: datetime
    times: int


def ends_of(flow_run_ids: Collection[str]) -> dict[str, Ended]:
    """Of those runs that the server knows. Raises Unavailable."""
    ids = list(flow_run_ids)
    found: list[FlowRun] = []
    with server() as client:
        for start in range(0, len(ids), PAGE):
            found += _found(client, {"id": {"any_": ids[start : start + PAGE]}})
    return {str(run.id): _end(run.state) for run in found}


def _end(state: Any) -> Ended:
    if state is None or not state.is_final():
        return Ended(None, "", now())
    return Ended(state.type.value.lower(), state.message or "", state.timestamp)


def end_runs(flow_run_ids: Iterable[str]) -> int:
    """Cancel those that have not ended; returns how many. A run with a process is given time to clean up.

    One without is cancelled at once: Prefect would wait minutes for a process to tell its end.
    """
    ended = 0
    with server() as client:
        for run in _found(client, {"id": {"any_": list(flow_run_ids)}}):
            if run.state and not run.state.is_final() and not run.state.is_cancelling():
                _cancel(client, run, at_once=run.state.is_scheduled() or run.state.is_paused())
                ended += 1
    return ended


def end_unattended() -> int:
    """End the runs that are being cancelled and have no process which could tell their end."""
    ended = 0
    with server() as client:
        for run in ours(client, {"state": {"type": {"any_": ["CANCELLING"]}}}):
            before = [state for state in client.read_flow_run_states(run.id) if not state.is_cancelling()]
            last = max(before, key=lambda state: state.timestamp, default=None)
            if last and (last.is_scheduled() or last.is_paused()):
                _cancel(client, run, at_once=True)
                ended += 1
    return ended


def _cancel(client: "SyncPrefectClient", run: "FlowRun", at_once: bool) -> None:
    from prefect.states import Cancelled, Cancelling, State

    state: State[Any] = Cancelled(message="Cancelled while no process worked on it.")
    client.set_flow_run_state(run.id, state if at_once else Cancelling(), force=at_once)


def crash_silent(since: datetime, taken_since: datetime) -> int:
    """Mark the deployed runs as crashed that died without a word; returns how many.

    Those are the running ones whose last sign of life is older than `since`: an automation of the server
    finds them sooner, but none that died before its first heartbeat. And those that a worker took before
    `taken_since` and never began, where it starts processes; a cluster may be waiting for a machine. A
    running one of which nothing was ever heard is left alone: its events may not get through, where a proxy
    stops them.
    """
    from prefect.states import Crashed, State

    told = "Its process is gone: it was killed, or its machine is. It goes on by itself where it stopped."
    state: State[Any] = Crashed(message=told)
    with server() as client:
        silent = [
            run
            for run in _entered(client, "RUNNING", since)
            if (heard := _last_sign(client, run.id)) and heard < since
        ]
        silent += [
            run
            for run in _entered(client, "PENDING", taken_since)
            if _is_a_process(client, run) and (_last_sign(client, run.id) or taken_since) <= taken_since
        ]
        for run in silent:
            client.set_flow_run_state(run.id, state)
    return len(silent)


def _entered(client: "SyncPrefectClient", kind: str, before: datetime) -> "list[FlowRun]":
    """Deployed runs that have been in a state of this type since before then."""
    found = ours(client, {"state": {"type": {"any_": [kind]}}})
    return [run for run in found if run.deployment_id and run.state and run.state.timestamp < before]


def _is_a_process(client: "SyncPrefectClient", run: "FlowRun") -> bool:
    pool = run.work_pool_name
    return pool is not None and client.read_work_pool(pool).type == "process"


def _last_sign(client: "SyncPrefectClient", id: UUID) -> datetime | None:
    """When the run's own process last told of itself, and not the server of it."""
    from prefect.events.filters import EventFilter

    wanted = {"resource": {"id": [f"prefect.flow-run.{id}"]}, "event": {"name": list(SIGNS)}}
    newest = client.read_events(EventFilter.model_validate(wanted), limit=1).events
    return newest[0].occurred if newest else None


def crashes(since: datetime) -> list[Crash]:
    """Deployed runs that have crashed since, and could go on where they stopped."""
    from prefect.client.schemas.filters import FlowFilter

    state = {"type": {"any_": ["CRASHED"]}}
    wanted = {"state": state, "end_time": {"after_": since.isoformat()}}
    with server() as client:
        named = FlowFilter.model_validate({"name": {"any_": list(GO_ON)}})
        found = ours(client, wanted, flow_filter=named)
        return [
            Crash(str(run.id), run.state.timestamp, _times(client, run.id))
            for run in found
            if run.state and run.deployment_id
        ]


def _times(client: "SyncPrefectClient", id: UUID) -> int:
    """Several may report the same death."""
    states = sorted(client.read_flow_run_states(id), key=lambda state: state.timestamp)
    pairs = zip([None, *states], states, strict=False)
    return sum(state.is_crashed() and not (last and last.is_crashed()) for last, state in pairs)


def go_on(flow_run_id: str) -> None:
    """As Retry on Prefect's pages: a worker starts the run again, and finished steps are not repeated."""
    from prefect.states import AwaitingRetry, State

    state: State[Any] = AwaitingRetry(message="Its process died; it goes on where it stopped.")
    with server() as client:
        client.set_flow_run_state(UUID(flow_run_id), state)


def ours(client: "SyncPrefectClient", wanted: dict[str, Any], **more: Any) -> "list[FlowRun]":
    """The runs of Luthier's deployments to which those filters apply."""
    return _found(client, {"tags": {"all_": [TAG]}, **wanted}, **more)


def _found(client: "SyncPrefectClient", wanted: dict[str, Any], **more: Any) -> "list[FlowRun]":
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    runs = FlowRunFilter.model_validate(wanted)
    found: list[FlowRun] = []
    while True:
        page = client.read_flow_runs(
            flow_run_filter=runs, sort=FlowRunSort.ID_DESC, limit=PAGE, offset=len(found), **more
        )
        found += page
        if len(page) < PAGE:
            return found
