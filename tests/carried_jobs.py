"""Jobs that are at the loopback OpenAI, carried by runs of a deployment on the session's Prefect server."""

from pathlib import Path
from typing import Any
from uuid import UUID

from records import Job
from registry import Registry
from settings import settings
from tests.hosted_jobs import add_dataset, add_job
from tests.vendors.openai_vendor import OpenAIVendor
from waiting.polling import Polling


class Place:
    def __init__(self, folder: Path):
        self.registry = Registry(**settings().registry_arguments)
        self.asking = Polling(self.registry, settings())
        self.dataset = add_dataset(self.registry, folder)

    def started(self, seed: int) -> Job:
        job = add_job(self.registry, self.dataset, seed)
        self.registry.intend(job.id, "openai", job.id)
        remote_id = self.asking.provider("openai").start(self.dataset, job.recipe, job.id)
        self.registry.record_remote(job.id, remote_id)
        return self.registry.update_job(job.id, status="in_progress", remote_id=remote_id)

    def carried(self, job: Job, *states: Any, pool: str | None = None) -> str:
        """A new run that works on the job and went through those states. `pool` names a type of work pool."""
        run = new_run(*states, pool=pool)
        self.registry.carry(run, job.id)
        return run


def new_run(*states: Any, pool: str | None = None) -> str:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("finish-job")
        name = f"a-{pool}" if pool else None
        if name and name not in [one.name for one in client.read_work_pools()]:
            client.create_work_pool(WorkPoolCreate(name=name, type=pool))
        deployment = client.create_deployment(flow, name or "hosted", work_pool_name=name)
        run = client.create_flow_run_from_deployment(deployment, tags=["luthier"]).id
        for state in states:
            client.set_flow_run_state(run, state, force=True)
    return str(run)


def state_of(run: str) -> str:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(run)).state
    return state.name if state else ""


def at_vendor(vendor: OpenAIVendor, job: Job) -> str:
    (found,) = [one for one in vendor.state()["jobs"] if one["metadata"]["luthier_job"] == job.id]
    return str(found["status"])
