"""`luthier deploy`: everything that Luthier needs on a Prefect server, made or brought up to date."""

from pathlib import Path

import yaml

from launch.automations import make_automation
from launch.changes import Change
from launch.deployments import make_deployment, wanted
from launch.places import places
from launch.resources import make_limit, make_pool, make_result_storage
from launch.server import server

ROOT = Path(__file__).parents[1]


def furnish(code: Path = ROOT) -> list[Change]:
    """Make work pools, limits, blocks, automations and deployments; a second time changes nothing.

    `code` is the folder in which workers find Luthier. Raises NotConfigured or Unavailable.
    """
    folder = ROOT / "deployments"
    needs = yaml.safe_load((folder / "server.yaml").read_text("utf-8"))
    with server() as client:
        changes = [make_pool(client, name, pool, folder) for name, pool in needs["work_pools"].items()]
        changes += [make_limit(client, name, limit) for name, limit in needs["limits"].items()]
        changes += filter(None, [make_result_storage()])
        told, blocks = places(client)
        changes += blocks
        changes += [make_deployment(client, entry, ROOT) for entry in wanted(ROOT / "prefect.yaml", code)]
        changes += filter(None, [make_automation(client, entry, told) for entry in needs["automations"]])
    return changes
