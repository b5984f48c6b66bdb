"""The data report as one page that opens anywhere: no script, no request, light and dark.

Jinja's autoescaping is why it is a template: names of files, labels and texts come from strangers' data.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from records import Dataset, Finding, Report
from validation.places import names_of, places
from validation.suites import Limits

if TYPE_CHECKING:
    from pandas import DataFrame

TEMPLATE = Path(__file__).with_name("page.html")
BARS = 40
MOST_LABELS, MOST_FILES = 40, 100
WIDTH, HEIGHT, FOOT = 720, 160, 22  # of the histogram's drawing, in its own units


def page(
    dataset: Dataset, limits: Limits, expectations: Sequence[Mapping[str, Any]], measured: "DataFrame"
) -> str:
    """`expectations` are rows as in validation.json; `measured` are the figures of each example."""
    from jinja2 import Environment, StrictUndefined

    report = dataset.report
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(TEMPLATE.read_text("utf-8"))
    checked = {row["rule"] for row in expectations}
    return template.render(
        dataset=dataset,
        report=report,
        limits=limits,
        verdict=verdict(report),
        facts=facts(report),
        expectations=sorted(expectations, key=_urgency),
        other=[_told(finding, report) for finding in report.findings if finding.rule not in checked],
        histogram=histogram(measured, limits),
        labels=bars(report.labels, MOST_LABELS),
        drops=bars(report.dropped, MOST_LABELS),
        unused=[file for file in report.files if not file.used][:MOST_FILES],
        used=[file for file in report.files if file.used][:MOST_FILES],
        most_files=MOST_FILES,
    )


def verdict(report: Report) -> dict[str, Any]:
    errors = [finding for finding in report.findings if finding.severity == "error"]
    warnings = [finding for finding in report.findings if finding.severity == "warning"]
    if errors:
        return {"tone": "bad", "title": "Not ready to train", "findings": errors}
    if warnings:
        title = f"Ready to train, with {_counted(len(warnings), 'thing')} to look at"
        return {"tone": "fair", "title": title, "findings": warnings}
    return {"tone": "good", "title": "Ready to train", "findings": []}


def facts(report: Report) -> list[tuple[str, str]]:
    """The figures at the top: value and what it counts."""
    used = sum(file.used for file in report.files)
    shown = [(f"{report.train:,}", "training examples"), (f"{report.holdout:,}", "held out")]
    if report.tokens:
        shown += [
            (f"{report.tokens.total:,}", "training tokens"),
            (f"{report.tokens.trainable:,}", "learned from"),
            (f"{report.tokens.longest:,}", "longest example"),
        ]
    return [*shown, (f"{used:,} of {len(report.files):,}", "files used")]


def _urgency(row: Mapping[str, Any]) -> int:
    """What stops the job comes first, then what warns, then what is met."""
    if row["passed"]:
        return 2
    return 0 if row["severity"] == "error" else 1


def _told(finding: Finding, report: Report) -> dict[str, str]:
    return {
        "severity": finding.severity,
        "message": finding.message,
        "hint": finding.hint,
        "places": places(finding.sources, names_of(report.files), finding.count, most=20),
    }


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def bars(counts: Mapping[str, int], most: int) -> dict[str, Any]:
    """Largest first, with widths in per cent of the largest."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    largest = ordered[0][1] if ordered else 1
    shown = [
        {"name": name, "count": count, "width": round(100 * count / max(largest, 1), 1)}
        for name, count in ordered[:most]
    ]
    return {"bars": shown, "more": max(len(ordered) - most, 0)}


def histogram(measured: "DataFrame", limits: Limits) -> dict[str, Any] | None:
    """Bars of how many training examples have how many tokens, before they are cut; the last one holds a long
    tail together."""
    import numpy as np

    if "tokens" not in measured:
        return None
    train = measured[measured["split"] == "train"]
    if train.empty:
        return None
    tokens = (train["tokens"] + train["cut"]).to_numpy()
    step = _nice(max(float(np.quantile(tokens, 0.99)) * 1.1, 1) / BARS)
    end = min(int(np.ceil((tokens.max() + 1) / step)), BARS)
    counts = np.bincount(np.minimum(tokens // step, end - 1), minlength=end)
    return {
        "bars": [_bar(place, int(count), int(counts.max()), step, end) for place, count in enumerate(counts)],
        "ticks": [
            {"x": round(WIDTH * place / end, 1), "text": f"{place * step:,}"}
            for place in range(0, end + 1, max(1, round(end / 8)))
        ],
        "limit_x": round(WIDTH * limits.example_tokens / (end * step), 1)
        if limits.example_tokens <= end * step
        else None,
        "sizes": [f"{int(size):,}" for size in (tokens.min(), np.median(tokens), tokens.max())],
        "width": WIDTH,
        "height": HEIGHT,
        "foot": FOOT,
    }


def _bar(place: int, count: int, largest: int, step: int, end: int) -> dict[str, Any]:
    height = max(HEIGHT * count / largest, 1.5) if count else 0
    first, last = place * step, (place + 1) * step - 1
    span = (
        f"{first:,} or more" if place == end - 1 else f"{first:,} to {last:,}" if step > 1 else f"{first:,}"
    )
    return {
        "x": round(WIDTH * place / end + 0.5, 1),
        "y": round(HEIGHT - height, 1),
        "width": round(max(WIDTH / end - 1, 1), 1),
        "height": round(height, 1),
        "title": f"{span} tokens: {count:,} examples",
    }


def _nice(step: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …"""
    scale = 1
    while True:
        for factor in (1, 2, 5):
            if factor * scale >= step:
                return factor * scale
        scale *= 10
