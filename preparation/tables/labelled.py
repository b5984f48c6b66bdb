"""Labels: their spellings made one, several in a cell told apart, the instruction that lists them, and what
is wrong with their balance."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from preparation.tables.columns import Column, level
from records import Finding

LISTED = 150  # labels; a longer list would fill a small model's context
DOMINANT = 0.9
SEPARATOR = re.compile(r"\s*[,;|]\s*")
KNOWN = 0.8  # share of the parts of cells that are labels of other cells, too
JOINERS = frozenset("\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")  # of pictograms
MISSING = frozenset(("n/a", "#n/a", "nan", "null", "(null)", "<na>", "#ref!", "#value!", "#name?", "#div/0!"))


def is_missing(label: str) -> bool:
    """Whether it is what a program wrote where there was no label."""
    return level(label) in MISSING


def spellings(columns: Iterable[Column]) -> dict[str, str]:
    """For each label, however it is spelt (see `level`), the spelling met most often; of several labels in a
    cell, each in its own, in one order."""
    counts: Counter[str] = Counter()
    for column in columns:
        counts.update(column.spellings)
    known = Counter({text: count for text, count in counts.items() if not is_missing(text)})
    # a class against none is two labels, whatever the second is called
    counts = known if len(set(map(level, known))) > 1 else counts
    singles = several(counts)
    if singles:
        parts: Counter[str] = Counter()
        for text, count in counts.items():
            parts.update(dict.fromkeys(_parts(text), count))
        chosen = _commonest(parts)
        return {
            level(text): ", ".join(sorted({chosen[level(part)] for part in _parts(text)})) for text in counts
        }
    return _commonest(counts)


def _commonest(counts: Counter[str]) -> dict[str, str]:
    """Those that differ in a pictogram, a hyphen or an exclamation mark alone are spellings of one, too."""
    ordered = sorted(counts, key=lambda text: (-counts[text], bool(_pictures(text)), text))
    pictures: dict[str, set[str]] = {}
    for text in counts:
        pictures.setdefault(_bare(text), set()).update({_pictures(text)} - {""})
    chosen: dict[str, str] = {}
    for text in ordered:
        bare = _bare(text)
        # where the pictograms differ, they may be what tells the labels apart
        key = level(text) if len(pictures[bare]) > 1 or not bare else bare
        chosen[level(text)] = chosen.setdefault(f"\0{key}", text)
    return {key: text for key, text in chosen.items() if not key.startswith("\0")}


def _pictures(text: str) -> str:
    return "".join(filter(_is_pictogram, text))


def _is_pictogram(sign: str) -> bool:
    return unicodedata.category(sign) == "So"


def _bare(text: str) -> str:
    """A label without pictograms; empty if it consists of them."""
    words = "".join(" " if _is_pictogram(sign) or sign in JOINERS else sign for sign in text)
    return level(re.sub(r"(?<=\w)[-–](?=[^\W\d])", " ", words)).rstrip("!. ")


def _parts(label: str) -> list[str]:
    return [part.strip() for part in SEPARATOR.split(label) if part.strip()]


def several(labels: Iterable[str]) -> list[str]:
    """The single labels, where cells hold several of them: parts that come back in other cells."""
    cells = [dict.fromkeys(map(level, _parts(label))) for label in labels]
    counts = Counter(part for cell in cells for part in cell)
    together = {part for cell in cells if len(cell) > 1 for part in cell}
    known = sum(counts[part] > 1 for part in together)
    if not together or known < KNOWN * len(together):
        return []
    return sorted({part for label in labels for part in _parts(label)})


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
    labels = set(labels)
    singles = several(labels)
    ordered = sorted(singles or labels, key=lambda label: (label.casefold(), label))
    task = "Answer with the labels only, parted by commas." if singles else "Answer with the label only."
    if len(ordered) <= LISTED and singles:
        task = f"Answer with one or more of these, parted by commas: {', '.join(ordered)}."
    elif len(ordered) <= LISTED:
        task = f"Answer with one of: {', '.join(ordered)}."
    return "\n\n".join(part for part in (use_case.strip(), task) if part)


def balance(labels: Mapping[str, int]) -> list[Finding]:
    """Labels that can't be learned, and a label that nearly all rows have."""
    found: list[Finding] = []
    total = sum(labels.values())
    if several(labels):
        parts: Counter[str] = Counter()
        for label, count in labels.items():
            parts.update(dict.fromkeys(_parts(label), count))
        labels = parts
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
