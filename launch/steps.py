"""Steps of prefect.yaml: they run in the run's own process before its flow is loaded."""

from difflib import get_close_matches
from typing import Any
from uuid import UUID

from launch.recorded import show_steps
from logs import about
from settings import settings


class UnknownParameter(Exception):
    """Ends the process; the run's state has told already."""


def check_parameters() -> dict[str, Any]:
    """Fail the run, with a sentence, that was given a parameter which its flow doesn't have.

    A server compares values with the form but takes any name, and the engine then ends without a word.
    """
    from prefect.client.orchestration import get_client
    from prefect.runtime import flow_run
    from prefect.states import Failed

    if settings().log_format == "json":
        # Prefect hands our lines to its server only; whoever collects logs finds them on stderr
        about(run=settings().run or flow_run.id or "")
        show_steps()
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(flow_run.id or ""))
        if run.deployment_id is None:
            return {}
        known = client.read_deployment(run.deployment_id).parameter_openapi_schema or {}
        names = list(known.get("properties", {}))
        if unknown := sorted(set(run.parameters) - set(names)):
            message = refusal(unknown, names)
            client.set_flow_run_state(run.id, Failed(message=message), force=True)
            raise UnknownParameter(message)
    return {}


def refusal(unknown: list[str], names: list[str]) -> str:
    """For example: There is no parameter 'use_cas'; did you mean 'use_case'?"""
    told = []
    for name in unknown:
        close = get_close_matches(name, names, 1)
        told.append(f"There is no parameter '{name}'{f'; did you mean {close[0]!r}?' if close else '.'}")
    return f"{' '.join(told)} This flow takes {', '.join(names)}. Nothing was run."
