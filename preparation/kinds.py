"""Which kind of dataset the rows make: what they are decides first, the use case second."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from preparation.documents import reference
from preparation.mapping import Processes, is_text
from preparation.tables.columns import Column, Table, grouped
from preparation.tables.roles import (
    ANSWERING,
    CLASSIFYING,
    Roles,
    column_called,
    is_label,
    roles_of,
    unknown_label,
)
from records import Kind, Row

SAMPLE = 400  # text rows whose patterns tell style from reference
PASSAGE = 1500  # characters of a document that weigh as much as one record
CLOSE = 0.4  # a second kind with this share of the first may be what the use case asks for
DENSE = 0.35  # share of the text in questions, definitions, tables and instructions that makes a reference
FEW_ANSWERS = 20  # dialogues, from which on short answers that come back are labels

STYLE = re.compile(
    r"\b(?:voice|tone|style|styl\w*|write like|sound\w* like|in the manner|blog\w*|posts?|newsletter\w*"
    r"|copywrit\w*|articles?|stor(?:y|ies)|poems?|essays?|ghostwrit\w*|ton|schreibe?n?|écri\w*|escrib\w*|scriv\w*)\b",
    re.IGNORECASE,
)
REFERENCE = re.compile(
    r"\b(?:answer\w*|questions?|help\w*|support\w*|faqs?|knowledge|look up|explain\w*|assist\w*|customers?"
    r"|docs|documentation|manual|handbook|inform\w*|frage\w*|antwort\w*|beantwort\w*|hilfe|répond\w*|question\w*|aide"
    r"|respond\w*|preguntas?|ayuda|rispond\w*|domand\w*|aiuto|ajuda)\b",
    re.IGNORECASE,
)
# beside these a word of style says only how the answers shall sound
ASKED_FOR = re.compile(
    r"\b(?:answer\w*|questions?|faqs?|repl\w+|look up|explain\w*|frage\w*|antwort\w*|beantwort\w*|répond\w*"
    r"|respond\w*|preguntas?|rispond\w*|domand\w*)\b",
    re.IGNORECASE,
)

DOCUMENTS = "The rows are documents"
TO_STYLE = "so each passage became a model of style."
TO_REFERENCE = "so they became questions and answers."


@dataclass
class Survey:
    """What a first pass over the rows finds. `units` are rows, or passages of documents."""

    tables: dict[str, Table] = field(default_factory=dict)
    roles: dict[str, Roles] = field(default_factory=dict)
    dialogues: int = 0
    one_turn: int = 0
    answers: Column = field(default_factory=Column)
    characters: int = 0
    texts: int = 0
    sampled: int = 0
    strong: int = 0

    @property
    def dialogues_are_labelled(self) -> bool:
        few = self.answers.filled >= FEW_ANSWERS and self.answers.mean_words <= 4
        return few and self.one_turn == self.dialogues and is_label(self.answers, named=False)

    def add(self, row: Row) -> None:
        if row.text:
            self.texts += 1
            self.characters += len(row.text)
        elif row.fields:
            self.tables.setdefault(row.source.uri, Table()).add(row.fields)
        else:
            said = [message for message in row.messages if message.role == "assistant"]
            self.dialogues += 1
            self.one_turn += len(said) == 1
            self.answers.add(said[-1].content if said else "")

    def merge(self, other: "Survey") -> None:
        """Of the rows that come next; before roles are known."""
        for uri, table in other.tables.items():
            self.tables.setdefault(uri, Table()).merge(table)
        self.answers.merge(other.answers)
        for name in ("dialogues", "one_turn", "characters", "texts"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def units(self) -> dict[str, float]:
        counts = {"chat": 0.0, "classify": 0.0, "documents": max(self.characters / PASSAGE, self.texts)}
        counts["classify" if self.dialogues_are_labelled else "chat"] += self.dialogues
        for table, roles in self.by_table():
            match roles.shape:
                case "pairs":
                    counts["chat"] += table.rows
                case "labelled":
                    counts["classify"] += table.rows
                case "texts":
                    counts["documents"] += max(table.rows, table.columns[roles.target].letters / PASSAGE)
                case _:
                    counts["documents"] += table.rows
        return counts

    @property
    def column_names(self) -> list[str]:
        return list(dict.fromkeys(name for table, _ in self.by_table() for name in table.columns))

    def by_table(self) -> list[tuple[Table, Roles]]:
        """Each table once, though several files may share it."""
        distinct = {id(table): (table, self.roles[uri]) for uri, table in self.tables.items()}
        return list(distinct.values())


def surveyed(lines: Iterable[bytes]) -> Iterator[Survey]:
    """Work that counts the rows."""
    found = Survey()
    for line in lines:
        found.add(Row.model_validate_json(line))
    yield found


def survey(
    lines: Iterable[bytes], use_case: str, label: str | None, processes: Processes | None = None
) -> Survey:
    """Raises InvalidData if no table has the column `label`."""
    found = Survey()
    sample: list[bytes] = []
    for part in (processes or Processes(1)).mapped(surveyed, _sampled(lines, sample)):
        found.merge(part)
    texts = (row for row in map(Row.model_validate_json, sample) if row.text)
    for _, document in groupby(texts, key=lambda row: row.source.uri):
        strong, every = reference.strength(document)
        found.strong += strong
        found.sampled += every
    found.tables = grouped(found.tables.items())
    if label is not None and not any(column_called(table, label) for table in found.tables.values()):
        raise unknown_label(label, found.tables)
    roles = {id(table): roles_of(table, use_case, label) for table in found.tables.values()}
    found.roles = {uri: roles[id(table)] for uri, table in found.tables.items()}
    return found


def _sampled(lines: Iterable[bytes], sample: list[bytes]) -> Iterator[bytes]:
    """The lines; the first ones that may be texts are put into the sample."""
    for line in lines:
        if len(sample) < SAMPLE and is_text(line):
            sample.append(line)
        yield line


def decide(found: Survey, use_case: str) -> tuple[Kind, str]:
    """The kind that most rows make, and why, as a sentence. Where two are close the use case decides."""
    units = found.units()
    first, second = sorted(units, key=lambda name: (-units[name], name))[:2]
    close = units[second] >= CLOSE * units[first] > 0
    wanted = _wanted(use_case)
    if close and wanted == second:
        first = second
    if first == "documents":
        return _of_documents(found, use_case)
    return ("classify", _why_labelled(found)) if first == "classify" else ("chat", _why_chat(found))


def wants_labels(use_case: str) -> bool:
    return _wanted(use_case) == "classify"


def _wanted(use_case: str) -> str:
    if CLASSIFYING.search(use_case) and not ANSWERING.search(use_case):
        return "classify"
    return "documents" if STYLE.search(use_case) else "chat" if ANSWERING.search(use_case) else ""


def _of_documents(found: Survey, use_case: str) -> tuple[Kind, str]:
    """Words of the use case for one kind only decide; else how much of the text answers questions."""
    density = found.strong / found.sampled if found.sampled else 0.0
    facts = sum(table.rows for table, roles in found.by_table() if roles.shape == "facts")
    style, refers = STYLE.search(use_case), REFERENCE.search(use_case)
    if style and refers and not ASKED_FOR.search(use_case):
        refers = None
    share = f"{density:.0%} of the text stands as questions, definitions, tables or instructions"
    share = f"{facts:,} rows are facts" if facts > found.texts else share
    if style and not refers:
        return "style", f"{DOCUMENTS} and the use case speaks of “{style[0]}”, {TO_STYLE}"
    if refers and not style and (density > 0.02 or facts):
        return "reference", f"{DOCUMENTS}, the use case speaks of “{refers[0]}” and {share}, {TO_REFERENCE}"
    if density >= DENSE or (facts and facts > found.texts):
        return "reference", f"{DOCUMENTS} and {share}, {TO_REFERENCE}"
    return "style", f"{DOCUMENTS} and only {share}, {TO_STYLE}"


def _why_labelled(found: Survey) -> str:
    for table, roles in found.by_table():
        if roles.shape == "labelled":
            column = table.columns[roles.target]
            return (
                f"Column “{roles.target}” holds {column.distinct} values over {table.rows:,} rows, "
                "so each row became a text with its label."
            )
    return (
        f"The {found.dialogues:,} dialogues have {found.answers.distinct} different answers, "
        "so each became a text with its label."
    )


def _why_chat(found: Survey) -> str:
    pairs = [(table, roles) for table, roles in found.by_table() if roles.shape == "pairs"]
    if not pairs or sum(table.rows for table, _ in pairs) < found.dialogues:
        return f"{found.dialogues:,} rows are dialogues, so each became an example as it stands."
    table, roles = max(pairs, key=lambda pair: pair[0].rows)
    inputs = ", ".join(f"“{name}”" for name in roles.inputs)
    return (
        f"Column “{roles.target}” answers {inputs} over {table.rows:,} rows, "
        "so each row became a question with its answer."
    )
