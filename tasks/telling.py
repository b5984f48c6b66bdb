"""What people are told by events; the automations of `luthier deploy` bring the sentences to them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from prefect.client.schemas.objects import FlowRun, State
from prefect.events import emit_event
from prefect.flows import Flow

from errors import LuthierError
from waiting.parking import is_deployed


def tell(
    event: str,
    resource: str,
    name: str,
    title: str,
    message: str,
    hint: str,
    details: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """`event` is like luthier.model.retiring; `resource` and `name` are id and name of what it is about."""
    emit_event(
        event=event,
        resource={"prefect.resource.id": f"luthier.{resource}", "prefect.resource.name": name},
        payload={"title": title, "message": message, "hint": hint, **details},
    )


def tell_of_run(event: str, resource: str, name: str, title: str, message: str, hint: str) -> None:
    """Of deployed runs only: who runs a flow at a terminal reads there what it came to."""
    if is_deployed():
        tell(event, resource, name, title, message, hint)


def tell_failure(flow: Flow[..., object], flow_run: FlowRun, state: State) -> None:
    """A hook for flows, called by Prefect with these very names."""
    error = state.result(raise_on_failure=False)
    message, hint = str(state.message), ""
    if isinstance(error, LuthierError):
        message, hint = error.message, error.hint
    title = f"Failed: {flow_run.name}"
    tell_of_run("luthier.run.failed", f"run.{flow_run.id}", flow_run.name, title, message, hint)
