"""Tells people what they wait for: events whose sentences the automations of `luthier deploy` pass on."""

from prefect.client.schemas.objects import FlowRun, State
from prefect.events import emit_event
from prefect.flows import Flow
from prefect.runtime import deployment

from errors import LuthierError


def tell(event: str, resource: str, title: str, message: str, hint: str = "") -> None:
    """Only of deployed runs: who runs a flow at a terminal reads it there."""
    if deployment.id:
        payload = {"title": title, "message": message, "hint": hint}
        emit_event(event, resource={"prefect.resource.id": resource}, payload=payload)


def tell_failure(flow: Flow[..., object], flow_run: FlowRun, state: State) -> None:
    """A hook for flows, called by Prefect with these very names."""
    error = state.result(raise_on_failure=False)
    message, hint = str(state.message), ""
    if isinstance(error, LuthierError):
        message, hint = error.message, error.hint
    tell("luthier.run.failed", f"luthier.run.{flow_run.id}", f"Failed: {flow_run.name}", message, hint)
