"""Makes the parts that tasks work with from the settings."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from prefect.client.schemas.objects import FlowRun
from prefect.runtime import flow_run

import providers
from providers import Provider
from providers.catalogue import Base, find
from records import Job, content_id
from registry import files
from registry.store import Registry
from settings import settings
from waiting.polling import Polling


def open_registry() -> Registry:
    return Registry(**settings().registry_arguments)


def provider_named(name: str) -> Provider:
    return providers.get(name, **settings().provider_arguments(name))


def base_named(base_model: str) -> Base:
    return find(base_model, settings().bases_file)


def polling() -> Polling:
    return Polling(open_registry(), settings())


@contextmanager
def workspace(step: str, *inputs: object) -> Iterator[str]:
    """A folder or URI for a step's files: one for the same inputs of one run, so that a retry writes over it.

    What goes wrong with a store meanwhile becomes one of our errors.
    """
    place = f"{settings().work_uri}/{flow_run.id or 'no-run'}/{content_id(step, *inputs)}"
    with files.remote(place) if files.local(place) is None else nullcontext():
        yield place


def forget_workspaces(run_id: object = None) -> None:
    """Delete what the steps of this run handed over, or of another one."""
    files.remove_folder(f"{settings().work_uri}/{run_id or flow_run.id or 'no-run'}")


def forget_unless_retried(flow: object, flow_run: FlowRun, state: object) -> None:
    """A hook for flows whose run failed or was stopped, called by Prefect with these very names. A server's
    run can be retried, and goes on with what its steps handed over; an embedded one ends with its process."""
    if not settings().prefect_api_url:
        forget_workspaces(flow_run.id)


def carry(job: Job, parked: bool = False) -> None:
    """Note which job this Prefect run works on, so that whoever finds the run finds the job."""
    if flow_run.id:
        open_registry().carry(flow_run.id, job.id, parked)


def resumed() -> Job | None:
    """The job that this Prefect run was parked with, if it was, told once."""
    return open_registry().resume(flow_run.id) if flow_run.id else None


def tell_run(**facts: str) -> None:
    """Note with the run that this process works for, if there is one, which dataset or job it made."""
    if run_id := settings().run:
        open_registry().update_run(run_id, **facts)
