"""The only home of SQL and of stored files: datasets, jobs, models and the artefacts they publish."""

from registry.store import Registry

__all__ = ["Registry"]
