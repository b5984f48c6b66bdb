"""Checks a dataset before anything is spent, and writes validation.json and validation.html beside it."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from errors import InvalidData, NotEnoughData
from records import Dataset, Drop, Finding, Report, Source, TokenCount, TokenStatistics
from validation.check import NAMED_ROWS, Outcome, check, frames
from validation.figures import figures, opened, sources_of, with_tokens
from validation.page import page
from validation.places import names_of, place, places
from validation.suites import MILDER, Limits, rules

if TYPE_CHECKING:
    from pandas import DataFrame

LEFT_OUT = "left_out"
NAMED_REASONS = 3


def validate(
    dataset: Dataset, counts: Iterable[TokenCount], limits: Limits, folder: str | Path | None = None
) -> Report:
    """The dataset's report with token statistics, the findings of this check, and `ok`.

    `counts` has one entry an example, the training ones first. It is consumed only if every example is a
    sound dialogue, so it may be a generator that could not stand others. The two files go to `folder`, or
    next to the training file. Findings of an earlier validation are replaced, those of other steps stay.
    Raises NotFound for a missing file and ValueError for a wrong number of counts, but not for bad data: see
    `raise_if_bad`.
    """
    measured = figures(dataset)
    if bool((measured["problem"] == "").all()):
        measured = with_tokens(measured, counts)
    sizes = {uri.rpartition("/")[2]: size_of(uri) for uri in (dataset.train_uri, dataset.holdout_uri)}
    chosen = rules(dataset.kind, limits)
    outcomes = without_repetition(check(chosen, frames(dataset, measured, sizes)))
    sources = sources_by_rule(dataset, measured, outcomes)
    own = {rule.name for rule in chosen}
    earlier = [one for one in dataset.report.findings if one.rule not in own and one.rule != LEFT_OUT]
    findings = [*earlier, *found(outcomes, sources), *left_out(dataset, outcomes)]
    train = int((measured["split"] == "train").sum())
    report = dataset.report.but(
        train=train,
        holdout=len(measured) - train,
        examples=len(measured),
        findings=tuple(findings),
        tokens=statistics(measured),
        ok=not any(finding.severity == "error" for finding in findings),
    )
    write(dataset, report, limits, measured, outcomes, sources, folder)
    return report


def raise_if_bad(report: Report) -> None:
    """Raises NotEnoughData or InvalidData, the report with it, if a finding says the job must not start."""
    errors = [finding for finding in report.findings if finding.severity == "error"]
    if not errors:
        return
    few = next((finding for finding in errors if finding.rule == "minimum_examples"), None)
    if few:
        raise NotEnoughData(" ".join([few.message, *reasons(report)]), few.hint, report)
    names = names_of(report.files)
    messages = []
    for finding in errors:
        where = places(finding.sources, names, finding.count)
        messages.append(f"{finding.message.removesuffix('.')}: {where}." if where else finding.message)
    raise InvalidData(" ".join(messages), errors[0].hint, report)


def reasons(report: Report) -> list[str]:
    """Sentences on what was lost on the way, for a person who wonders where the examples are."""
    names = names_of(report.files)
    lost = [
        f"{finding.message.removesuffix('.')}: {places(finding.sources, names, finding.count)}."
        for finding in report.findings
        if finding.rule == LEFT_OUT
    ]
    if unused := report.files_not_used(NAMED_REASONS):
        lost.append(unused)
    return lost


def sources_by_rule(
    dataset: Dataset, measured: "DataFrame", outcomes: Sequence[Outcome]
) -> dict[str, tuple[Source, ...]]:
    """The sources of the examples that broke each rule, at most NAMED_ROWS."""
    broken = {}
    for outcome in outcomes:
        if outcome.rule.frame in ("all", "train", "holdout") and outcome.rows:
            rows = measured.loc[list(outcome.rows), ["split", "line"]]
            broken[outcome.rule.name] = [(str(split), int(line)) for split, line in rows.to_numpy()]
    known = sources_of(dataset, [place for places in broken.values() for place in places])
    return {name: tuple(known[place] for place in places) for name, places in broken.items()}


def without_repetition(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """That some examples are cut says the same as that too many are, only milder."""
    broken = {outcome.rule.name for outcome in outcomes if not outcome.passed}
    return [outcome for outcome in outcomes if MILDER.get(outcome.rule.name) not in broken]


def found(outcomes: Sequence[Outcome], sources: dict[str, tuple[Source, ...]]) -> list[Finding]:
    return [
        Finding(
            rule=outcome.rule.name,
            severity=outcome.rule.severity,
            message=outcome.message,
            hint=outcome.rule.hint,
            count=max(outcome.count, 1),
            sources=sources.get(outcome.rule.name, ()),
        )
        for outcome in outcomes
        if not outcome.passed
    ]


def left_out(dataset: Dataset, outcomes: Sequence[Outcome]) -> list[Finding]:
    """Where too few examples are left: the most frequent reasons why rows were dropped, and which rows."""
    if all(outcome.passed for outcome in outcomes if outcome.rule.name == "minimum_examples"):
        return []
    counts: Counter[str] = Counter()
    sources: dict[str, list[Source]] = {}
    with opened(dataset.drops_uri) as lines:
        for line in lines:
            drop = Drop.model_validate_json(line)
            counts[drop.reason] += 1
            named = sources.setdefault(drop.reason, [])
            if len(named) < NAMED_ROWS:
                named.append(drop.source)
    return [
        Finding(
            rule=LEFT_OUT,
            severity="warning",
            message=f"{count:,} {'rows were' if count > 1 else 'row was'} left out ({reason}).",
            count=count,
            sources=tuple(sources[reason]),
        )
        for reason, count in counts.most_common(NAMED_REASONS)
    ]


def statistics(measured: "DataFrame") -> TokenStatistics | None:
    """Of the training examples; None if their tokens were not counted."""
    train = measured[measured["split"] == "train"]
    if "tokens" not in measured or train.empty:
        return None
    tokens = train["tokens"]
    return TokenStatistics(
        total=int(tokens.sum()),
        trainable=int(train["trainable"].sum()),
        shortest=int(tokens.min()),
        median=int(tokens.median()),
        longest=int(tokens.max()),
        histogram=histogram(tokens.tolist()),
    )


def histogram(tokens: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Counts below 64, 128, 256 and so on, from the first filled step to the last."""
    steps = Counter(max(64, 1 << token.bit_length()) for token in tokens)
    filled = [64 << place for place in range(26)]
    return tuple((step, steps[step]) for step in filled if min(steps) <= step <= max(steps))


def size_of(uri: str) -> int:
    with opened(uri) as file:
        return file.seek(0, 2)


def write(
    dataset: Dataset,
    report: Report,
    limits: Limits,
    measured: "DataFrame",
    outcomes: Sequence[Outcome],
    sources: dict[str, tuple[Source, ...]],
    folder: str | Path | None,
) -> None:
    target = str(folder) if folder else dataset.train_uri.rpartition("/")[0]
    names = names_of(report.files)
    lines = [row_of(outcome, sources.get(outcome.rule.name, ()), names) for outcome in outcomes]
    document = {
        "dataset": dataset.id,
        "use_case": dataset.use_case,
        "limits": limits.model_dump(mode="json"),
        "ok": report.ok,
        "expectations": lines,
        "report": report.model_dump(mode="json"),
        "great_expectations": version("great_expectations"),
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    put(f"{target}/validation.json", text)
    put(f"{target}/validation.html", page(dataset.but(report=report), limits, lines, measured))


def row_of(outcome: Outcome, sources: Sequence[Source], names: dict[str, str]) -> dict[str, Any]:
    """An expectation and how it went, as it stands in both files."""
    rule = outcome.rule
    return {
        "rule": rule.name,
        "title": outcome.title,
        "severity": rule.severity,
        "passed": outcome.passed,
        "message": "" if outcome.passed else outcome.message,
        "hint": "" if outcome.passed else rule.hint,
        "checked": outcome.total,
        "unexpected": outcome.count,
        "places": [place(source, names) for source in sources],
        "where": places(sources, names, outcome.count, most=NAMED_ROWS),
        "expectation": {"type": rule.expectation, "on": rule.frame, **rule.arguments},
    }


def put(uri: str, text: str) -> None:
    """Write a text file, all of it or nothing."""
    content = text.encode("utf-8", "replace")
    if "://" in uri:
        import fsspec

        filesystem, path = fsspec.url_to_fs(uri)
        filesystem.pipe_file(path, content)
        return
    target = Path(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
    part.write_bytes(content)
    part.replace(target)
