"""What each column of a table is for: the input, the answer, the label. Known names first, figures second."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from errors import InvalidData
from preparation.tables.columns import CONSTANT, Column, Table

Shape = Literal["pairs", "labelled", "texts", "facts"]

NAMES = tomllib.loads((Path(__file__).parent / "column_names.toml").read_text("utf-8"))
ANSWERS: list[str] = NAMES["answers"]
PROMPTS: list[str] = NAMES["prompts"]
ANSWER_WORDS: frozenset[str] = frozenset(NAMES["answer_words"])
LABELS: list[str] = NAMES["labels"]
PLAIN_INPUTS = [tuple(pair) for pair in NAMES["plain_inputs"]]
UNKNOWN = len(LABELS) + 1
ENOUGH_CELLS = 20  # rows from which short cells, too, are enough to tell a label by
CLASSES = 20  # numbers that may be classes
SMALL = 12  # rows below which an answer that comes back need not be a label

CLASSIFYING = re.compile(
    r"\b(?:classif\w*|categor\w*|label\w*|rout(?:e|es|ing)|triag\w*|intents?|sentiment\w*|tag(?:s|ging)?|sort(?:s|ing)?"
    r"|assign\w*|prioriti\w*|detect\w*|which (?:queue|team|department)|klassif\w*|einordne\w*|zuordn\w*"
    r"|clasific\w*|classer|kategoris\w*)\b",
    re.IGNORECASE,
)
ANSWERING = re.compile(
    r"\b(?:answer\w*|repl(?:y|ies|ying)|respon[ds]\w*|chat\w*|assistant|writ(?:e|es|ing)|draft\w*|explain\w*"
    r"|help\w*|solv\w*|translat\w*|summar\w*|beantwort\w*|antwort\w*|répond\w*|rispond\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Roles:
    """`target` is the label's or the answer's column, `inputs` what goes before it, in this order."""

    shape: Shape
    inputs: tuple[str, ...] = ()
    target: str = ""
    system: str = ""
    also: tuple[str, ...] = ()  # columns of the answer in records that have no `target`
    left_out: Mapping[str, str] = field(default_factory=dict)
    other_labels: tuple[str, ...] = ()

    @property
    def named_inputs(self) -> bool:
        """Whether the input tells the columns by name: with several, unless the pair speaks for itself."""
        names = tuple(map(plain_name, self.inputs))
        return len(names) > 1 and names not in PLAIN_INPUTS


def plain_name(name: str) -> str:
    """`customerMessage`, `Customer_Message` and `customer message` are one name."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", spaced)).casefold().split())


def roles_of(table: Table, use_case: str, label: str | None = None) -> Roles:
    """The use case decides only where a table has both a label and an answer."""
    if label is not None and (column := column_called(table, label)):
        return _by_override(table, column)
    answer = _answer(table)
    labels = _labels(table, answer)
    asked = bool(CLASSIFYING.search(use_case)) and not ANSWERING.search(use_case)
    if (
        answer
        and (inputs := _inputs_of_pair(table, answer))
        and not (labels and (asked or labels[0] == answer))
    ):
        other_labels = tuple(name for name in labels if name != answer)
        return _roles("pairs", table, inputs, answer, other_labels, _answers_of_others(table, answer))
    for name in labels:
        inputs = _inputs_of_label(table, name)
        if inputs and (
            table.rows >= ENOUGH_CELLS or any(_says_something(table, column) for column in inputs)
        ):
            return _roles("labelled", table, inputs, name, tuple(other for other in labels if other != name))
    if asked and (number := _numbered_label(table)):
        return _roles("labelled", table, _inputs_of_label(table, number), number)
    return _by_figures(table, bool(ANSWERING.search(use_case)))


def _numbered_label(table: Table) -> str:
    """The one column of few whole numbers beside a text: classes, where labels are asked for."""
    found = [
        name
        for name in _telling(table, "")
        if table.columns[name].is_number
        and is_label(table.columns[name], named=True)
        and 3 * table.columns[name].distinct <= table.rows
        and table.columns[name].distinct <= CLASSES
        and all(value.lstrip("-+").isdigit() for value in table.columns[name].values)
    ]
    texts = any(is_prose(column) for column in table.columns.values())
    return found[0] if len(found) == 1 and texts and table.rows >= ENOUGH_CELLS else ""


def column_called(table: Table, name: str) -> str:
    """The column of this name, its case and punctuation aside; empty if there is none."""
    if name in table.columns:
        return name
    return next((column for column in table.columns if plain_name(column) == plain_name(name)), "")


def unknown_label(label: str, tables: Mapping[str, Table]) -> InvalidData:
    names = list(dict.fromkeys(name for table in tables.values() for name in table.columns))
    if not names:
        return InvalidData(
            f"There is no column '{label}': the data has no columns.",
            "Leave the label out, or give a table (CSV, JSONL).",
        )
    return InvalidData(
        f"There is no column '{label}'.",
        f"The columns are: {', '.join(names[:40])}. Name one of them as the label.",
    )


def _roles(
    shape: Shape,
    table: Table,
    inputs: list[str],
    target: str,
    labels: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> Roles:
    system = next(
        (name for name in table.columns if plain_name(name) in NAMES["systems"] and name != target), ""
    )
    used = {*inputs, target, *also, system}
    left_out = {name: _why_left_out(table, name) for name in table.columns if name not in used}
    return Roles(shape, tuple(inputs), target, system, also, left_out, labels)


def _why_left_out(table: Table, name: str) -> str:
    why = "an answer that was not preferred" if _is_refused(name) else "not part of the input"
    return table.left_out.get(name, why)


def _is_refused(name: str) -> bool:
    return plain_name(name) in NAMES["refused"]


def _by_override(table: Table, name: str) -> Roles:
    column = table.columns[name]
    one_short_value = column.distinct == 1 and not column.many and column.mean_words <= 6
    if is_label(column, named=True) or one_short_value:
        return _roles("labelled", table, _inputs_of_label(table, name), name)
    return _roles("pairs", table, _inputs_of_pair(table, name) or _inputs_of_label(table, name), name)


def _answer(table: Table) -> str:
    by_name = {plain_name(name): name for name in reversed(table.columns)}
    if {"q", "a"} <= by_name.keys() and "b" not in by_name:
        return by_name["a"]
    found = [by_name[known] for known in ANSWERS if known in by_name]
    # “Fixed” in every row answers nothing
    found = [name for name in found if table.rows <= SMALL or table.left_out.get(name) != CONSTANT]
    # an answer column that is empty throughout is still the answer column, unless there is a better one
    filled = [name for name in found if table.columns[name].filled]
    return next(iter(filled or found), "") or _answer_by_word(table)


def _answer_by_word(table: Table) -> str:
    """`our reply`: the longest of the columns of sentences that are called so."""
    called = [
        name
        for name in _telling(table, "")
        if not ANSWER_WORDS.isdisjoint(plain_name(name).split()) and is_prose(table.columns[name])
    ]
    return max(called, key=lambda name: table.columns[name].letters, default="")


def _answers_of_others(table: Table, answer: str) -> tuple[str, ...]:
    """Where a file mixes records of several shapes: the other columns of answers, no two in one record."""
    found: list[str] = []
    rows = table.columns[answer].present
    for name in table.columns:
        column = table.columns[name]
        if name != answer and plain_name(name) in ANSWERS and column.present + rows <= table.rows:
            found.append(name)
            rows += column.present
    return tuple(found)


def _inputs_of_pair(table: Table, answer: str) -> list[str]:
    names = {plain_name(name): name for name in reversed(table.columns) if name != answer}
    known = [names[name] for name in PROMPTS if name in names and table.columns[names[name]].filled]
    if plain_name(answer) == "a" and "q" in names:
        return [names["q"]]
    plain = next((pair for pair in PLAIN_INPUTS if all(name in names for name in pair)), None)
    if plain:
        return [names[name] for name in plain]
    if known:
        return [name for name in table.columns if name in known]
    return [name for name in _telling(table, answer) if is_prose(table.columns[name])]


def _inputs_of_label(table: Table, label: str) -> list[str]:
    """Columns of prose; in a table without any, all columns that tell something."""
    telling = _telling(table, label)
    prose = [
        name
        for name in telling
        if is_prose(table.columns[name])
        or (plain_name(name) in PROMPTS and not is_label(table.columns[name], False))
    ]
    return prose or [name for name in telling if not is_label(table.columns[name], named=True)] or telling


def _says_something(table: Table, name: str) -> bool:
    return is_prose(table.columns[name]) or plain_name(name) in PROMPTS


def _telling(table: Table, target: str) -> list[str]:
    return [
        name
        for name in table.columns
        if name != target
        and name not in table.left_out
        and plain_name(name) not in NAMES["systems"]
        and not _is_refused(name)
    ]


def _labels(table: Table, answer: str) -> list[str]:
    """Columns that may be the label, the likeliest first: the best known name, words before numbers."""
    found: list[tuple[bool, int, str]] = []
    for name, column in table.columns.items():
        rank = _label_rank(name)
        if (
            name in table.left_out
            or _is_refused(name)
            or (name == answer and rank == UNKNOWN and column.filled < SMALL)
        ):
            continue
        if is_label(column, named=rank < UNKNOWN):
            found.append((column.is_number, rank, name))
    return [name for *_, name in sorted(found, key=lambda entry: entry[:2])]


def _label_rank(name: str) -> int:
    plain = plain_name(name)
    if plain in LABELS:
        return LABELS.index(plain)
    words = plain.split()
    if words[:1] in (["is"], ["has"]):
        return len(LABELS)
    return min((LABELS.index(word) for word in words if word in LABELS), default=UNKNOWN)


def is_label(column: Column, named: bool) -> bool:
    """Few short values that come back. A name that says so excuses numbers and small tables."""
    if column.many or not column.filled or column.distinct < 2 or column.several_lines:
        return False
    if column.mean_words > 6 or column.letters > 50 * column.filled or column.is_date or column.is_address:
        return False
    repeats = column.filled / column.distinct
    if named:
        return repeats >= 1.5 or (column.filled <= 12 and column.distinct < column.filled)
    return repeats >= 3 and column.distinct <= 100 and not column.is_number


def is_prose(column: Column) -> bool:
    return (
        column.filled > 0
        and (column.mean_words >= 3 or column.letters >= 25 * column.filled)
        and column.varied > 0.2
    )


def _by_figures(table: Table, answering: bool) -> Roles:
    telling = _telling(table, "")
    prose = [name for name in telling if is_prose(table.columns[name])]
    titles = [name for name in telling if plain_name(name) in NAMES["titles"]]
    bodies = [name for name in prose if plain_name(name) in NAMES["texts"]] or [
        name for name in prose if name not in titles
    ]
    named = _naming(table, telling) if len(prose) == 1 and not titles else ""
    if named and answering and len(telling) > 2:
        return _roles("facts", table, [named, *(name for name in telling if name != named)], "")
    titles = titles or [named] * bool(named)
    if bodies and (titles or len(prose) == 1):
        body = max(bodies, key=lambda name: table.columns[name].letters)
        return _roles("texts", table, [name for name in titles if name != body][:1], body)
    if len(prose) == 2 and len(telling) <= 4:
        return _roles("pairs", table, prose[:1], prose[1])
    if len(telling) == 1 and table.columns[telling[0]].mean_words >= 1:
        return _roles("texts", table, [], telling[0])
    return _roles("facts", table, telling, "")


def _naming(table: Table, telling: list[str]) -> str:
    """The first column, where it calls each row by a name of its own: a product beside what is said of it."""
    if len(telling) < 2:
        return ""
    name, column = telling[0], table.columns[telling[0]]
    own = column.varied > 0.9 and column.filled == table.rows and not column.several_lines
    words = not column.is_coded and not column.is_date and column.mean_words <= 6
    return name if own and words and not is_prose(column) else ""
