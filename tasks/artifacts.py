"""What a person sees of a run in Prefect: tables, Markdown and progress. Silent outside a run."""

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

from records import Dataset, Evaluation, Report


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


def report_markdown(report: Report) -> str:
    """The data report as a table, whose sentences wrap: files, then what was dropped and found."""
    rows = [(file.name, file.rows, file.reason or "used") for file in report.files[:200]]
    rows += [("training examples", report.train, report.kind_reason)]
    rows += [("holdout examples", report.holdout, f"overlap {report.overlap:.1%}")]
    rows += [("dropped", count, reason) for reason, count in report.dropped.items()]
    rows += [(found.rule.replace("_", " "), found.count, found.message) for found in report.findings]
    lines = ["| what | count | note |", "| --- | ---: | --- |"]
    return "\n".join(
        [*lines, *(f"| {_cell(what)} | {count:,} | {_cell(note)} |" for what, count, note in rows)]
    )


def _cell(text: str) -> str:
    """On one line, and no end of the cell in it."""
    return " ".join(text.replace("|", "\\|").split())


def evaluation_markdown(evaluation: Evaluation) -> str:
    lines = [f"**{evaluation.summary}**", "", "| measure | base | tuned |", "| --- | --- | --- |"]
    for name, base in evaluation.base_detail.items():
        lines.append(f"| {name} | {base:.3f} | {evaluation.tuned_detail.get(name, 0):.3f} |")
    for answer in evaluation.samples[:5]:
        lines += ["", f"> {answer.prompt[-400:]}", "", f"- expected: {answer.expected[:300]}"]
        lines += [f"- base: {answer.base[:300]}", f"- tuned: {answer.tuned[:300]}"]
    return "\n".join(lines)


def approval_markdown(dataset: Dataset) -> str:
    """What a person should know before they let a model be trained."""
    report = dataset.report
    used = sum(file.used for file in report.files)
    lines = [
        f"**{report.train:,} training and {report.holdout:,} holdout examples** of the kind {dataset.kind}, "
        f"from {used:,} of {len(report.files):,} files. {report.kind_reason}",
        "",
    ]
    if report.price:
        lines += [f"Price: about ${report.price.usd:.2f}.", ""]
    lines += [f"- {found.severity}: {found.message}" for found in report.findings[:20]]
    lines += [f"- dropped: {count:,} {reason}" for reason, count in report.dropped.items()]
    lines += [f"- not used: {file.name}: {file.reason}" for file in report.files[:200] if not file.used]
    return "\n".join(lines)
