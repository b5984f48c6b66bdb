"""Work pools, global limits and blocks on a Prefect server: made where they are missing, else compared.

What an operator tuned by hand (a pool's limit or template, a limit's size) is left as it is and told.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launch.changes import Change
from settings import settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

RESULTS = "luthier-results"


def make_pool(client: "SyncPrefectClient", name: str, wanted: dict[str, Any], folder: Path) -> Change:
    """`wanted`: type, description, perhaps `base_job_template`, a JSON file in `folder`."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    try:
        there = client.read_work_pool(name)
    except ObjectNotFound:
        template = wanted.get("base_job_template")
        client.create_work_pool(
            WorkPoolCreate(
                name=name,
                type=wanted["type"],
                description=wanted.get("description"),
                base_job_template=json.loads((folder / template).read_text("utf-8")) if template else {},
            )
        )
        return Change("work pool", name, "created", wanted["type"])
    if there.type != wanted["type"]:
        return Change("work pool", name, "left alone", f"it is of the type {there.type}")
    return Change("work pool", name, "unchanged")


def make_limit(client: "SyncPrefectClient", name: str, wanted: dict[str, Any]) -> Change:
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
    from prefect.exceptions import ObjectNotFound

    try:
        there = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, **wanted))
        return Change("limit", name, "created", f"{wanted['limit']} at once")
    if there.limit != wanted["limit"]:
        return Change("limit", name, "left alone", f"it was set to {there.limit}")
    return Change("limit", name, "unchanged")


def make_result_storage() -> Change | None:
    """A block that says where results are kept, if machines share a store. The keys stay with the workers."""
    store = settings().store
    if "://" not in store:
        return None
    from prefect.filesystems import RemoteFileSystem

    basepath = f"{store.rstrip('/')}/results"
    kept: Any = _block(RemoteFileSystem, RESULTS)
    if kept and kept.basepath == basepath:
        return Change("block", result_storage(), "unchanged")
    block = kept or RemoteFileSystem(basepath=basepath)
    block.basepath = basepath
    block.save(RESULTS, overwrite=True)
    return Change("block", result_storage(), "changed" if kept else "created", basepath)


def result_storage() -> str:
    return f"remote-file-system/{RESULTS}"


def _block(kind: Any, name: str) -> Any:
    try:
        return kind.load(name)
    except ValueError:
        return None
