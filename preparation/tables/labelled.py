"""Labels: their spellings made one, the instruction that lists them, and what is wrong with their balance."""

from collections import Counter
from collections.abc import Iterable, Mapping

from preparation.tables.columns import Column, level
from records import Finding

LISTED = 150  # labels; a longer list would fill a small model's context
DOMINANT = 0.9
MISSING = frozenset(("n/a", "#n/a", "nan", "null", "(null)", "<na>", "#ref!", "#value!", "#name?", "#div/0!"))


def is_missing(label: str) -> bool:
    """Whether it is what a program wrote where there was no label."""
    return level(label) in MISSING


def spellings(columns: Iterable[Column]) -> dict[str, str]:
    """For each label, however it is spelt (see `level`), the spelling met most often."""
    counts: Counter[str] = Counter()
    for column in columns:
        counts.update(column.spellings)
    chosen: dict[str, str] = {}
    for text, _ in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])):
        chosen.setdefault(level(text), text)
    labels = {name: text for name, text in chosen.items() if name not in MISSING}
    # a class against none is two labels, whatever the second is called
    return labels if len(labels) > 1 else chosen


def respelt(columns: Iterable[Column], chosen: Mapping[str, str]) -> list[Finding]:
    """Which spellings became one."""
    counts: Counter[str] = Counter()
    for column in columns:
        counts.update(column.spellings)
    changed = {text: count for text, count in counts.items() if chosen.get(level(text), text) != text}
    if not changed:
        return []
    shown = ", ".join(f"“{text}” → “{chosen[level(text)]}”" for text in sorted(changed)[:5])
    return [
        Finding(
            rule="labels respelt",
            severity="info",
            message=f"{len(changed)} spellings of labels were made one with the commonest: {shown}.",
            count=sum(changed.values()),
        )
    ]


def instruction(use_case: str, labels: Iterable[str]) -> str:
    """The system message of classification: the use case and the labels, always in the same order."""
    ordered = sorted(labels, key=lambda label: (label.casefold(), label))
    task = "Answer with the label only."
    if len(ordered) <= LISTED:
        task = f"Answer with one of: {', '.join(ordered)}."
    return "\n\n".join(part for part in (use_case.strip(), task) if part)


def balance(labels: Mapping[str, int]) -> list[Finding]:
    """Labels that can't be learned, and a label that nearly all rows have."""
    found: list[Finding] = []
    total = sum(labels.values())
    rare = sorted(label for label, count in labels.items() if count < 2)
    if rare:
        found.append(
            Finding(
                rule="rare labels",
                severity="warning",
                message=f"{len(rare)} label{'s have' if len(rare) > 1 else ' has'} a single row: "
                f"{', '.join(rare[:10])}.",
                hint="Add rows for them or merge them with other labels; ten rows a label is a good start.",
                count=len(rare),
            )
        )
    top = max(labels, key=lambda label: (labels[label], label), default="")
    if top and labels[top] > DOMINANT * total:
        found.append(
            Finding(
                rule="dominant label",
                severity="warning",
                message=f"{labels[top]:,} of {total:,} rows have the label “{top}”.",
                hint="A model that always says so would look right; add rows of the other labels.",
                count=labels[top],
            )
        )
    return found
