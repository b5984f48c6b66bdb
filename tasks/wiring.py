"""Makes the parts that tasks work with from the settings."""

from pathlib import Path

from prefect.runtime import flow_run

import providers
from providers import Provider
from providers.catalogue import Base, find
from records import content_id
from registry.store import Registry
from settings import settings


def open_registry() -> Registry:
    return Registry(**settings().registry_arguments)


def provider_named(name: str) -> Provider:
    return providers.get(name, **settings().provider_arguments(name))


def base_named(base_model: str) -> Base:
    return find(base_model, settings().bases_file)


def workspace(step: str, *inputs: object) -> Path:
    """A folder for a step's files: one for the same inputs of one run, so that a retry writes over it."""
    return settings().root / "work" / (flow_run.id or "no-run") / content_id(step, *inputs)


def tell_run(**facts: str) -> None:
    """Note with the run that this process works for, if there is one, which dataset or job it made."""
    if run_id := settings().run:
        open_registry().update_run(run_id, **facts)
