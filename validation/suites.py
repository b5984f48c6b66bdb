"""The rules that a dataset must meet, as expectations of Great Expectations over its figures.

What stops a job (error) and what only is reported (warning):
- too few training examples, a line that isn't a sound dialogue, an example without a trainable token, a file over
  the vendor's size, or a classification with a single label stop it;
- over-long examples are cut at their end, by us or silently by a vendor. A few are a warning that names them; more
  than `cut_share` of the training examples stop the job, since the model would learn to break off;
- a missing, leaking or lopsided holdout and rare or dominant labels make results weaker or less certain: warnings.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from records import Dataset, Kind, Record, Severity

if TYPE_CHECKING:
    from pandas import DataFrame

NAMED_ROWS = 20
HIGHEST_LABEL_SHARE = 0.8
FEWEST_LABEL_ROWS = 3
HIGHEST_OVERLAP = 0.05


class Limits(Record):
    """What the base model and its provider allow."""

    base_model: str = ""
    minimum_examples: int = 10
    example_tokens: int
    file_bytes: int | None = None
    cut_share: float = 0.1


class Rule(NamedTuple):
    """An expectation on one frame. The texts may use {count} of {total}, and {limit}."""

    name: str
    frame: str
    severity: Severity
    title: str
    message: str
    hint: str
    expectation: str
    arguments: dict[str, Any]
    limit: object = ""


class Outcome(NamedTuple):
    rule: Rule
    passed: bool
    total: int
    count: int
    rows: tuple[int, ...]  # positions in the frame, at most NAMED_ROWS

    def say(self, text: str) -> str:
        return text.format(count=f"{self.count:,}", total=f"{self.total:,}", limit=self.rule.limit)


BETWEEN = "ExpectColumnValuesToBeBetween"
NOT_IN = "ExpectColumnValuesToNotBeInSet"
IN = "ExpectColumnValuesToBeInSet"
ROWS = "ExpectTableRowCountToBeBetween"


def rules(kind: Kind, limits: Limits) -> list[Rule]:
    """All rules in the order in which a person wants to read them."""
    chosen = [minimum(limits), *dialogue_rules(), *token_rules(limits)]
    if kind == "classify":
        chosen += label_rules()
    if limits.file_bytes:
        chosen.append(file_size(limits.file_bytes))
    return chosen + holdout_rules()


def minimum(limits: Limits) -> Rule:
    return Rule(
        "minimum_examples",
        "train",
        "error",
        "At least {limit} training examples",
        "Not enough data: {total} training examples, at least {limit} are needed.",
        "Add examples, or files with more usable text; the drops say what was left out and why.",
        ROWS,
        {"min_value": limits.minimum_examples},
        limits.minimum_examples,
    )


def dialogue_rules() -> list[Rule]:
    def rule(name: str, title: str, message: str, hint: str) -> Rule:
        return Rule(
            name, "all", "error", title, message, hint, NOT_IN, {"column": "problem", "value_set": [name]}
        )

    return [
        rule(
            "format",
            "Every line is JSON with messages of role and content",
            "{count} of {total} lines are not JSON of the form {{'messages': [{{'role', 'content'}}, …]}}.",
            "Mend these lines.",
        ),
        rule(
            "roles",
            "Roles in order: system if any, then user and assistant in turn",
            "In {count} of {total} examples the roles are out of order.",
            "Begin with the user (after the system message, if any), then let the two take turns.",
        ),
        rule(
            "last",
            "The last message is the assistant's",
            "{count} of {total} examples do not end with the assistant's answer.",
            "Add the answer that the model should learn, or leave the example out.",
        ),
        rule(
            "empty",
            "No message is empty",
            "{count} of {total} examples have an empty message.",
            "Fill it in, or leave the example out.",
        ),
    ]


def token_rules(limits: Limits) -> list[Rule]:
    return [
        Rule(
            "trainable",
            "train",
            "error",
            "Every training example has something to learn from",
            "{count} of {total} training examples have no token left to learn from, once the chat template is "
            "applied and they are cut to {limit} tokens.",
            "Shorten what comes before the answer, or give an assistant message weight 1.",
            BETWEEN,
            {"column": "trainable", "min_value": 1},
            f"{limits.example_tokens:,}",
        ),
        Rule(
            "too_long",
            "train",
            "error",
            f"At most {limits.cut_share:.0%} of the training examples are cut",
            "{count} of {total} training examples are longer than {limit} tokens; the model would learn to "
            "break off.",
            "Split them into shorter ones, or choose a base model that reads longer examples.",
            BETWEEN,
            {"column": "cut", "max_value": 0, "mostly": 1 - limits.cut_share},
            f"{limits.example_tokens:,}",
        ),
        Rule(
            "cut",
            "all",
            "warning",
            "No example is longer than {limit} tokens",
            "{count} of {total} examples are longer than {limit} tokens and are cut at the end.",
            "Shorten or split them, if their ends matter.",
            BETWEEN,
            {"column": "cut", "max_value": 0},
            f"{limits.example_tokens:,}",
        ),
    ]


def label_rules() -> list[Rule]:
    return [
        Rule(
            "two_labels",
            "labels",
            "error",
            "At least two labels",
            "The training examples have {total} label; there is nothing to tell apart.",
            "Name the column with the label (--label), add examples of other labels, or choose another kind.",
            ROWS,
            {"min_value": 2},
        ),
        Rule(
            "label_share",
            "labels",
            "warning",
            "No label has more than {limit} of the training examples",
            "One label has more than {limit} of the training examples: {names}.",
            "Add examples of the others, or the model may answer this one always.",
            BETWEEN,
            {"column": "share", "max_value": HIGHEST_LABEL_SHARE},
            f"{HIGHEST_LABEL_SHARE:.0%}",
        ),
        Rule(
            "label_rows",
            "labels",
            "warning",
            "Every label has at least {limit} training examples",
            "{count} of {total} labels have fewer than {limit} training examples: {names}.",
            "Add examples of them, or join rare labels to one.",
            BETWEEN,
            {"column": "examples", "min_value": FEWEST_LABEL_ROWS},
            FEWEST_LABEL_ROWS,
        ),
        Rule(
            "label_unseen",
            "holdout",
            "warning",
            "Every held-out label occurs in training",
            "{count} of {total} held-out examples have a label that no training example has.",
            "Add examples of these labels; as it is, they can't be answered right.",
            IN,
            {"column": "label_seen", "value_set": [True]},
        ),
    ]


def file_size(file_bytes: int) -> Rule:
    return Rule(
        "file_size",
        "files",
        "error",
        "No file is over {limit}",
        "A file of this dataset is over {limit}, which the provider does not take: {names}.",
        "Leave examples out, or train on own hardware.",
        BETWEEN,
        {"column": "bytes", "max_value": file_bytes},
        f"{file_bytes / 1e6:,.0f} MB",
    )


def holdout_rules() -> list[Rule]:
    return [
        Rule(
            "holdout",
            "holdout",
            "warning",
            "There are held-out examples",
            "No example was held out, so the model can't be compared with its base.",
            "Add data, or give a larger holdout share.",
            ROWS,
            {"min_value": 1},
        ),
        Rule(
            "leak",
            "holdout",
            "warning",
            "No held-out example is also trained on",
            "{count} of {total} held-out examples are trained on too, so the evaluation flatters the model.",
            "Remove the duplicates.",
            IN,
            {"column": "seen", "value_set": [False]},
        ),
        Rule(
            "overlap",
            "dataset",
            "warning",
            "At most {limit} of the held-out examples are near-duplicates of training examples",
            "More than {limit} of the held-out examples are nearly the same as a training example, so the "
            "evaluation flatters the model.",
            "Lower the threshold for near-duplicates.",
            BETWEEN,
            {"column": "overlap", "max_value": HIGHEST_OVERLAP},
            f"{HIGHEST_OVERLAP:.0%}",
        ),
    ]


def frames(dataset: Dataset, figures: "DataFrame", sizes: Mapping[str, int]) -> dict[str, "DataFrame"]:
    """What the rules look at. `sizes` are bytes of each file that a provider would be sent."""
    import pandas as pd

    train = figures[figures["split"] == "train"]
    labels = train["label"].value_counts()
    labels = labels[labels > 0].sort_values(ascending=False, kind="stable")
    share = labels / max(int(labels.sum()), 1)
    return {
        "all": figures,
        "train": train,
        "holdout": figures[figures["split"] == "holdout"],
        "labels": pd.DataFrame(
            {"name": labels.index.astype(str), "examples": labels.values, "share": share.values}
        ),
        "files": pd.DataFrame({"name": list(sizes), "bytes": list(sizes.values())}),
        "dataset": pd.DataFrame({"overlap": [dataset.report.overlap]}),
    }


def check(chosen: list[Rule], frames: Mapping[str, "DataFrame"]) -> list[Outcome]:
    """Run the rules, a suite a frame, in a context that lives in memory. In the order of the rules.

    Rules on columns that a frame lacks (tokens that were not counted) are left out.
    """
    possible = [
        rule for rule in chosen if rule.arguments.get("column", "") in ("", *frames[rule.frame].columns)
    ]
    outcomes = {}
    for name in dict.fromkeys(rule.frame for rule in possible):
        of_frame = {rule.name: rule for rule in possible if rule.frame == name}
        for result in _validate(name, frames[name], list(of_frame.values())):
            rule = of_frame[result.expectation_config.meta["rule"]]
            outcomes[rule.name] = _outcome(rule, result, frames[name])
    return [outcomes[rule.name] for rule in possible]


def _validate(name: str, frame: "DataFrame", of_frame: list[Rule]) -> Any:
    import great_expectations as gx
    import great_expectations.expectations as catalogue
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = gx.ExpectationSuite(name=name)
    for rule in of_frame:
        severity = {"error": "critical"}.get(rule.severity, rule.severity)
        expectation = getattr(catalogue, rule.expectation)
        suite.add_expectation(expectation(**rule.arguments, severity=severity, meta={"rule": rule.name}))
    asset = context.data_sources.add_pandas("figures").add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    # SUMMARY names rows by their index without embedding all of them
    found = batch.validate(
        suite, result_format={"result_format": "SUMMARY", "partial_unexpected_count": NAMED_ROWS}
    )
    return found.results


def _outcome(rule: Rule, result: Any, frame: "DataFrame") -> Outcome:
    """Raises RuntimeError if the expectation itself broke: that is a fault of ours, not of the data."""
    if result.exception_info.get("raised_exception", True):
        raise RuntimeError(f"the expectation {rule.name} failed to run: {result.exception_info}")
    rows = result.result.get("partial_unexpected_index_list", [])
    return Outcome(
        rule=rule,
        passed=bool(result.success),
        total=len(frame),
        count=int(result.result.get("unexpected_count", 0)),
        rows=tuple(int(row) for row in rows),
    )
