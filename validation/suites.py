"""The rules that a dataset must meet, as expectations of Great Expectations over its figures.

What stops a job (error) and what only is reported (warning):
- too few training examples, a line that isn't a sound dialogue, a file over the vendor's size, or a
  classification with a single label stop it;
- over-long examples are cut at their end, by us or silently by a vendor, and those whose answer is cut off
  teach nothing. A few are a warning that names them; more than `cut_share` of the training examples stop the
  job, since the model would learn to break off, or little at all;
- a missing or leaking holdout and rare or dominant labels make the result weaker or less certain: warnings.
"""

from typing import Any, NamedTuple

from records import Kind, Record, Severity

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
    """An expectation on one frame (see check.py). The texts may use {count}, {total}, {limit} and {names}."""

    name: str
    frame: str
    severity: Severity
    title: str
    message: str
    hint: str
    expectation: str
    arguments: dict[str, Any]
    limit: object = ""

    @property
    def column(self) -> str | None:
        return self.arguments.get("column")


NOTHING = (
    "Nothing to learn from, after the chat template and the cut at {limit} tokens, in {count} of {total} "
    "training examples."
)
MILDER = {"cut": "too_long", "trainable": "trainable_share"}  # what a rule says that another says of more
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
            "Unreadable lines: {count} of {total} are not JSON with messages of role and content.",
            "Mend these lines.",
        ),
        rule(
            "roles",
            "Roles in order: system if any, then user and assistant in turn",
            "Roles out of order in {count} of {total} examples.",
            "Begin with the user (after the system message, if any), then let the two take turns.",
        ),
        rule(
            "last",
            "The last message is the assistant's",
            "No answer of the assistant at the end of {count} of {total} examples.",
            "Add the answer that the model should learn, or leave the example out.",
        ),
        rule(
            "empty",
            "No message is empty",
            "An empty message in {count} of {total} examples.",
            "Fill it in, or leave the example out.",
        ),
    ]


def token_rules(limits: Limits) -> list[Rule]:
    return [
        Rule(
            "trainable_share",
            "train",
            "error",
            f"At most {limits.cut_share:.0%} of the training examples have nothing to learn from",
            NOTHING,
            "Shorten what comes before the answer, or give an assistant message weight 1.",
            BETWEEN,
            {"column": "trainable", "min_value": 1, "mostly": 1 - limits.cut_share},
            f"{limits.example_tokens:,}",
        ),
        Rule(
            "trainable",
            "train",
            "warning",
            "Every training example has something to learn from",
            NOTHING,
            "They are not trained on. Shorten what comes before the answer, or give an assistant message "
            "weight 1.",
            BETWEEN,
            {"column": "trainable", "min_value": 1},
            f"{limits.example_tokens:,}",
        ),
        Rule(
            "too_long",
            "train",
            "error",
            f"At most {limits.cut_share:.0%} of the training examples are cut",
            "Longer than {limit} tokens and cut at the end: {count} of {total} training examples.",
            "From so many the model would learn to break off. Split them, or choose a base model that reads "
            "longer examples.",
            BETWEEN,
            {"column": "cut", "max_value": 0, "mostly": 1 - limits.cut_share},
            f"{limits.example_tokens:,}",
        ),
        Rule(
            "cut",
            "all",
            "warning",
            "No example is longer than {limit} tokens",
            "Longer than {limit} tokens and cut at the end: {count} of {total} examples.",
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
            "All training examples have the same label; there is nothing to tell apart.",
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
            "Fewer than {limit} training examples for {count} of {total} labels: {names}.",
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
            "A label that no training example has: {count} of {total} held-out examples.",
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
            "Trained on as well: {count} of {total} held-out examples.",
            "Remove the duplicates; the evaluation flatters the model.",
            IN,
            {"column": "seen", "value_set": [False]},
        ),
        Rule(
            "overlap",
            "dataset",
            "warning",
            "At most {limit} of the held-out examples are near-duplicates of training examples",
            "More than {limit} of the held-out examples are nearly the same as a training example.",
            "Lower the threshold for near-duplicates; the evaluation flatters the model.",
            BETWEEN,
            {"column": "overlap", "max_value": HIGHEST_OVERLAP},
            f"{HIGHEST_OVERLAP:.0%}",
        ),
    ]
