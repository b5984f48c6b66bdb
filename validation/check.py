"""Runs the rules over a dataset's figures with Great Expectations, in memory and in silence."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from records import Dataset
from validation.suites import Rule

if TYPE_CHECKING:
    from pandas import DataFrame

NAMED_ROWS = 20
LONGEST_NAME = 60


@dataclass(frozen=True)
class Outcome:
    rule: Rule
    passed: bool
    total: int
    count: int
    rows: tuple[int, ...]  # index labels in the frame, at most NAMED_ROWS
    names: tuple[str, ...]  # of these rows, where the frame names its rows

    @property
    def title(self) -> str:
        return self._say(self.rule.title)

    @property
    def message(self) -> str:
        return self._say(self.rule.message)

    def _say(self, text: str) -> str:
        unnamed = self.count - len(self.names)
        names = ", ".join(self.names) + (f" and {unnamed:,} more" if self.names and unnamed else "")
        return text.format(
            count=f"{self.count:,}", total=f"{self.total:,}", limit=self.rule.limit, names=names
        )


def frames(dataset: Dataset, figures: "DataFrame", sizes: Mapping[str, int]) -> dict[str, "DataFrame"]:
    """What the rules look at. `sizes` are the bytes of each file that a provider would be sent."""
    import pandas as pd

    train = figures[figures["split"] == "train"]
    counts = train["label"].value_counts()
    counts = counts[counts > 0]
    labels = {"name": counts.index.astype(str), "examples": counts.to_numpy()}
    return {
        "all": figures,
        "train": train,
        "holdout": figures[figures["split"] == "holdout"],
        "labels": pd.DataFrame(labels).assign(share=lambda table: table["examples"] / len(train)),
        "files": pd.DataFrame({"name": list(sizes), "bytes": list(sizes.values())}),
        "dataset": pd.DataFrame({"overlap": [dataset.report.overlap]}),
    }


def check(rules: Sequence[Rule], looked_at: Mapping[str, "DataFrame"]) -> list[Outcome]:
    """The outcomes in the order of the rules, a suite a frame.

    A rule on a column that its frame lacks (tokens that weren't counted) is left out.
    """
    possible = [rule for rule in rules if rule.column is None or rule.column in looked_at[rule.frame]]
    context = _context()
    outcomes = {}
    for name in dict.fromkeys(rule.frame for rule in possible):
        of_frame = {rule.name: rule for rule in possible if rule.frame == name}
        # results come in an order of their own
        for result in _validate(context, name, looked_at[name], list(of_frame.values())):
            rule = of_frame[result.expectation_config.meta["rule"]]
            outcomes[rule.name] = _outcome(rule, result, looked_at[name])
    return [outcomes[rule.name] for rule in possible]


def _context() -> Any:
    """One for each run, so that runs in several threads don't meet."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # this module sets its own level and tells of each temporary folder
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _validate(context: Any, name: str, frame: "DataFrame", rules: Sequence[Rule]) -> Any:
    import great_expectations.expectations as known
    from great_expectations import ExpectationSuite

    suite = ExpectationSuite(name=name)
    for rule in rules:
        severity = {"error": "critical"}.get(rule.severity, rule.severity)
        expectation = getattr(known, rule.expectation)
        suite.add_expectation(expectation(**rule.arguments, severity=severity, meta={"rule": rule.name}))
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    # SUMMARY names some rows by their index; COMPLETE would embed every one of a million
    summary = {"result_format": "SUMMARY", "partial_unexpected_count": NAMED_ROWS}
    return batch.validate(suite, result_format=summary).results


def _outcome(rule: Rule, result: Any, frame: "DataFrame") -> Outcome:
    """Raises RuntimeError if the expectation itself broke: a fault of ours, not of the data."""
    if result.exception_info.get("raised_exception", True):
        raise RuntimeError(f"the expectation of {rule.name} failed to run: {result.exception_info}")
    rows = [int(row) for row in result.result.get("partial_unexpected_index_list") or ()]
    return Outcome(
        rule=rule,
        passed=bool(result.success),
        total=len(frame),
        count=int(result.result.get("unexpected_count", 0)),
        rows=tuple(rows),
        names=tuple(_short(name) for name in frame.loc[rows, "name"]) if "name" in frame else (),
    )


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
