"""How a Prefect server stands to what Luthier needs there."""

from typing import Any, NamedTuple

import yaml

from launch.deployments import wanted
from launch.furnishing import ROOT
from launch.server import server


class Standing(NamedTuple):
    """`missing`: work pools and deployments that the server doesn't have; `workers`: online, by pool.

    `forgets`: a restart of the server loses who holds a slot of a limit.
    """

    version: str
    deployments: int
    missing: tuple[str, ...]
    workers: dict[str, int]
    forgets: bool


def standing() -> Standing:
    """Changes nothing. Raises NotConfigured or Unavailable."""
    pools = yaml.safe_load((ROOT / "deployments" / "server.yaml").read_text("utf-8"))["work_pools"]
    names = [_name(entry) for entry in wanted(ROOT / "prefect.yaml", ROOT)]
    with server() as client:
        there = {pool.name for pool in client.read_work_pools()}
        deployed, missing = _deployed(client), [f"pool {name}" for name in pools if name not in there]
        missing += [name for name in names if name not in deployed]
        workers = {name: _online(client, name) for name in pools if name in there}
        return Standing(str(client.api_version()), len(names), tuple(missing), workers, _forgets(client))


def _name(entry: dict[str, Any]) -> str:
    # a flow is called like its function, with dashes
    return f"{entry['entrypoint'].rpartition(':')[2].replace('_', '-')}/{entry['name']}"


def _deployed(client: Any) -> set[str]:
    flows = {flow.id: flow.name for flow in client.read_flows()}
    return {f"{flows.get(found.flow_id)}/{found.name}" for found in client.read_deployments()}


def _online(client: Any, pool: str) -> int:
    found = client.request("POST", "/work_pools/{name}/workers/filter", path_params={"name": pool}, json={})
    return sum(worker.get("status") == "ONLINE" for worker in found.json())


def _forgets(client: Any) -> bool:
    asked = client.request("GET", "/admin/settings").json()
    return str(asked["server"]["concurrency"]["lease_storage"]).endswith(".memory")
