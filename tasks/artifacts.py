"""Artifacts of a run on Prefect's pages: tables, Markdown and progress. Silent outside a run."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.context import FlowRunContext


def in_run() -> bool:
    return FlowRunContext.get() is not None


def show_table(key: str, rows: Sequence[Mapping[str, Any]], description: str) -> None:
    if in_run():
        create_table_artifact(table=[dict(row) for row in rows], key=key, description=description)


def show_markdown(key: str, text: str, description: str) -> None:
    if in_run():
        create_markdown_artifact(markdown=text, key=key, description=description)


class ProgressBar:
    """One progress artifact, made with the first update and kept up to date from then on."""

    def __init__(self, key: str, description: str):
        self.key, self.description = key, description
        self.id: UUID | None = None
        self.shown = -1.0

    def update(self, percent: float) -> None:
        percent = round(min(max(percent, 0), 100), 1)
        if not in_run() or (percent - self.shown < 2 and percent < 100):
            return
        self.shown = percent
        if self.id is None:
            made = create_progress_artifact(progress=percent, key=self.key, description=self.description)
            self.id = made if isinstance(made, UUID) else None
        else:
            update_progress_artifact(artifact_id=self.id, progress=percent, description=self.description)
