"""The deployments of prefect.yaml on a server: made, or changed where they differ from what is there.

A schedule that an operator paused or resumed stays so.
"""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from launch.changes import Change
from launch.form import form
from launch.resources import result_storage
from providers import is_hosted
from providers.catalogue import bases
from settings import settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

# what is compared with what the server has
FIELDS = (
    "entrypoint", "description", "tags", "work_pool_name", "work_queue_name", "job_variables", "parameters",
    "concurrency_limit", "pull_steps", "parameter_openapi_schema",
)  # fmt: skip


def wanted(file: Path, code: Path) -> Iterator[dict[str, Any]]:
    """The entries of prefect.yaml. `code` is the folder in which workers find Luthier."""
    text = file.read_text("utf-8").replace("{{ $PWD }}", str(code))
    contents = yaml.safe_load(text)
    for entry in contents["deployments"]:
        yield {"pull": contents["pull"], **entry}


def make_deployment(client: "SyncPrefectClient", entry: dict[str, Any], root: Path) -> Change:
    from prefect import Flow
    from prefect.client.schemas.actions import DeploymentUpdate
    from prefect.exceptions import ObjectNotFound
    from prefect.flows import load_flow_from_entrypoint

    flow: Flow[..., Any] = load_flow_from_entrypoint(str(root / entry["entrypoint"]))
    fields = _fields(entry, form(flow, offered(entry["work_pool"]["name"])))
    options = (entry.get("concurrency_limit") or {}).get("collision_strategy")
    if options:
        fields["concurrency_options"] = {"collision_strategy": options}
    name = f"{flow.name}/{entry['name']}"
    try:
        there = client.read_deployment_by_name(name)
    except ObjectNotFound:
        flow_id = client.create_flow_from_name(flow.name)
        schedules = _schedules(entry, None)
        client.create_deployment(
            flow_id, entry["name"], schedules=schedules, enforce_parameter_schema=True, **fields
        )
        return Change("deployment", name, "created", ", ".join(map(_told, entry.get("schedules", []))))
    differing = _differing(fields, there, entry)
    if not differing:
        return Change("deployment", name, "unchanged")
    client.update_deployment(
        there.id,
        DeploymentUpdate(**fields, enforce_parameter_schema=True, schedules=_schedules(entry, there)),
    )
    if all(one.slug for one in there.schedules):
        # else the server has replaced them all
        for one in there.schedules:
            if one.slug not in {kept["slug"] for kept in entry.get("schedules", [])}:
                client.delete_deployment_schedule(there.id, one.id)
    return Change("deployment", name, "changed", ", ".join(differing))


def _fields(entry: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    pool = entry["work_pool"]
    variables: dict[str, Any] = json.loads(json.dumps(pool.get("job_variables") or {}))
    if "://" in settings().store:
        variables.setdefault("env", {})["PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK"] = result_storage()
    return {
        "entrypoint": entry["entrypoint"],
        "description": " ".join(entry["description"].split()),
        "tags": entry.get("tags", []),
        "work_pool_name": pool["name"],
        "work_queue_name": pool.get("work_queue_name", "default"),
        "job_variables": variables,
        "parameters": entry.get("parameters", {}),
        "concurrency_limit": (entry.get("concurrency_limit") or {}).get("limit"),
        "pull_steps": entry["pull"],
        "parameter_openapi_schema": schema,
    }


def _differing(fields: dict[str, Any], there: "DeploymentResponse", entry: dict[str, Any]) -> list[str]:
    found = there.model_dump(mode="json")
    found["concurrency_limit"] = (found.pop("global_concurrency_limit", None) or {}).get("limit")
    names = [name for name in FIELDS if _plain(found.get(name)) != _plain(fields[name])]
    options = (found.get("concurrency_options") or {}).get("collision_strategy")
    if options != (fields.get("concurrency_options") or {}).get("collision_strategy"):
        names.append("concurrency_options")
    if _schedules_of(there) != {one["slug"]: _plain(_timing(one)) for one in entry.get("schedules", [])}:
        names.append("schedules")
    return [re.sub("^parameter_openapi_schema$", "form", name).replace("_", " ") for name in names]


def _plain(value: Any) -> Any:
    """As it looks after a round trip; the server sorts nothing but drops what is empty."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item not in ({}, [], None)}
    return json.loads(json.dumps(value, default=str))


def _timing(schedule: dict[str, Any]) -> dict[str, Any]:
    if "cron" in schedule:
        return {"cron": schedule["cron"], "timezone": schedule.get("timezone", "UTC")}
    return {"interval": float(schedule["interval"])}


def _schedules_of(there: "DeploymentResponse") -> dict[str, Any]:
    """Those of a file, by their slugs. What an operator added on the server's pages has none."""
    found = {}
    for one in there.schedules:
        if not one.slug:
            continue
        timing: Any = one.schedule
        cron = getattr(timing, "cron", None)
        found[one.slug] = (
            {"cron": cron, "timezone": timing.timezone}
            if cron
            else {"interval": timing.interval.total_seconds()}
        )
    return found


def _schedules(entry: dict[str, Any], there: "DeploymentResponse | None") -> list[Any]:
    """Those of the file, which are active as the operator left them, and the operator's own."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentScheduleUpdate
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

    active = {one.slug: one.active for one in there.schedules} if there else {}
    kind = DeploymentScheduleUpdate if there else DeploymentScheduleCreate
    made: list[Any] = []
    for one in entry.get("schedules", []):
        timing = _timing(one)
        schedule: Any = CronSchedule(**timing) if "cron" in timing else IntervalSchedule(**timing)
        on = active.get(one["slug"], one.get("active", True))
        made.append(
            kind(schedule=schedule, slug=one["slug"], active=on, parameters=one.get("parameters", {}))
        )
    for added in there.schedules if there else []:
        if not added.slug:
            made.append(kind(schedule=added.schedule, active=added.active, parameters=added.parameters))
    return made


def _told(schedule: dict[str, Any]) -> str:
    when = schedule.get("cron") or f"every {schedule['interval']} s"
    return f"{when}{'' if schedule.get('active', True) else ' (paused)'}"


def offered(pool: str) -> list[str]:
    """The base models that a form suggests: those of own hardware or the hosted ones, tunable today.

    The first is the default: on own hardware the one of the settings, else the one that lives longest.
    """
    hosted = pool == "hosted"
    known = bases(settings().bases_file).values()
    fitting = [base for base in known if is_hosted(base.provider) is hosted and base.tunable_on(date.today())]
    if hosted:
        fitting.sort(key=lambda base: base.tunable_until or base.inference_until or date.max, reverse=True)
        return [base.id for base in fitting]
    first = settings().base_model
    return [first, *(base.id for base in fitting if base.id != first)]
