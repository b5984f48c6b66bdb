"""What people read of a run, a batch or a chore, as Markdown."""

import re
from collections.abc import Sequence

from batch.chores import Retirement, Retry
from batch.summary import Summary, told, took
from records import Dataset, Evaluation, Report

MARKS = re.compile(r"[\\`*_\[\]<>#|]")


def report_markdown(report: Report) -> str:
    """The data report as a table, whose sentences wrap: files, then what was dropped and found."""
    rows = [(file.name, file.rows, file.reason or "used") for file in report.files[:200]]
    rows += [("training examples", report.train, report.kind_reason)]
    rows += [("holdout examples", report.holdout, f"overlap {report.overlap:.1%}")]
    rows += [("dropped", count, reason) for reason, count in report.dropped.items()]
    rows += [(found.rule.replace("_", " "), found.count, found.message) for found in report.findings]
    lines = ["| what | count | note |", "| --- | ---: | --- |"]
    return "\n".join(
        [*lines, *(f"| {cell(what)} | {count:,} | {cell(note)} |" for what, count, note in rows)]
    )


def evaluation_markdown(evaluation: Evaluation) -> str:
    lines = [f"**{evaluation.summary}**", "", "| measure | base | tuned |", "| --- | --- | --- |"]
    for name, base in evaluation.base_detail.items():
        tuned = evaluation.tuned_detail.get(name)
        told = "–" if tuned is None else figure(name, tuned)
        lines.append(f"| {name.replace('_', ' ')} | {figure(name, base)} | {told} |")
    for answer in evaluation.samples[:5]:
        lines += ["", f"> {said(answer.prompt[-400:])}", "", f"- expected: {said(answer.expected[:300])}"]
        lines += [f"- base: {said(answer.base[:300])}", f"- tuned: {said(answer.tuned[:300])}"]
    return "\n".join(lines)


def figure(measure: str, value: float) -> str:
    return f"{value:.2f}" if measure in ("perplexity", "loss") else f"{value:.0%}"


def said(text: str) -> str:
    """What a person or a model said, on one line and as it is: none of it is Markdown or HTML."""
    return MARKS.sub(r"\\\g<0>", " ".join(text.split())) or "(empty)"


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


def batch_markdown(summary: Summary) -> str:
    duration = took((summary.ended_at - summary.started_at).total_seconds())
    began = f"{summary.started_at:%Y-%m-%d %H:%M} UTC"
    made = [f"**{summary.sentence}**", "", f"{summary.folder}, begun {began}, took {duration}.", ""]
    for what, title in (
        ("failed", "Failed"), ("trained", "Trained"), ("planned", "To be trained"), ("skipped", "Skipped"),
    ):  # fmt: skip
        lines = [line for line in summary.in_order if line.what == what]
        if not lines:
            continue
        made += [f"### {title}", "", "| model | spec | why | result |", "| --- | --- | --- | --- |"]
        made += [
            f"| {cell(line.name or '–')} | {cell(line.spec)} | {cell(line.reason)} | {cell(told(line))} |"
            for line in lines
        ]
        made.append("")
    return "\n".join(made)


def retries_markdown(retries: Sequence[Retry]) -> str:
    lines = ["| job | model | | why | how it went |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {one.job_id} | {cell(one.name)} | {one.what} | {cell(one.reason)} | {cell(one.ended)} |"
        for one in retries
    ]
    return "\n".join(lines) if retries else "No job has failed."


def retirements_markdown(found: Sequence[Retirement]) -> str:
    if not found:
        return "No model's base has a date on which it is shut down."
    lines = ["| days left | day | model | base | successor | the same data on another base |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    lines += [
        f"| {one.days_left} | {one.day} | {cell(one.name)} ({one.model_id}) | {one.base_model} "
        f"| {one.successor or '–'} | `{cell(one.command)}` |"
        for one in found
    ]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Text that stays in one cell of a Markdown table."""
    return " ".join(text.replace("|", "\\|").split())
