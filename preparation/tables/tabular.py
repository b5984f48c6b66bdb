"""Records -> examples: a row of a table as a pair, a labelled text, a text or a set of facts."""

from collections.abc import Iterator, Mapping

from preparation.documents import reference, style
from preparation.documents.fact_tables import of_record
from preparation.tables.columns import level
from preparation.tables.labelled import is_missing
from preparation.tables.roles import Roles
from preparation.turns import EMPTY_ANSWER, EMPTY_QUESTION, Draft
from records import Kind, Row

NOT_LABELLED = "no label"
NO_TEXT = "no text to imitate"
NO_ANSWER = "no answer in the record"


def drafts(row: Row, roles: Roles, kind: Kind, spellings: Mapping[str, str]) -> Iterator[Draft]:
    """What a record gives for a kind of dataset, or why it gives nothing. `spellings` are those of labels."""
    if kind == "classify":
        yield _labelled(row, roles, spellings) if roles.shape == "labelled" else _refused(row, NOT_LABELLED)
    elif roles.shape == "pairs" or (roles.shape == "labelled" and kind == "chat"):
        yield _pair(row, roles)
    elif roles.shape == "texts":
        yield from _text(row, roles, kind)
    elif kind == "style":
        yield _by_label(row, roles) if roles.shape == "labelled" else _refused(row, NO_TEXT)
    elif roles.shape == "facts":
        fields = [(name, row.fields[name]) for name in roles.inputs if row.fields.get(name, "").strip()]
        yield from of_record(fields, row.source)
    else:
        yield _refused(row, NO_ANSWER)


def asked(row: Row, roles: Roles) -> str:
    """The input: one column's value as it stands; several as `Column: value` lines, or one below the other
    where the pair speaks for itself."""
    filled = [(name, row.fields.get(name, "").strip()) for name in roles.inputs]
    filled = [(name, value) for name, value in filled if value]
    if not roles.named_inputs or (roles.also and len(filled) == 1):
        return "\n\n".join(value for _, value in filled)
    return "\n".join(f"{titled(name)}: {value}" for name, value in filled)


def titled(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _refused(row: Row, why: str) -> Draft:
    return Draft((row.source,), refused=why, excerpt=" | ".join(row.fields.values()))


def _pair(row: Row, roles: Roles) -> Draft:
    question = asked(row, roles)
    answers = (row.fields.get(name, "").strip() for name in (roles.target, *roles.also))
    answer = next(filter(None, answers), "")
    if not answer:
        return Draft((row.source,), refused=EMPTY_ANSWER, excerpt=question)
    if not question:
        return Draft((row.source,), refused=EMPTY_QUESTION, excerpt=answer)
    return Draft((row.source,), question, answer, system=row.fields.get(roles.system, ""))


def _labelled(row: Row, roles: Roles, spellings: Mapping[str, str]) -> Draft:
    draft = _pair(row, roles)
    if draft.refused:
        return draft
    if level(draft.answer) not in spellings and is_missing(draft.answer):
        return Draft((row.source,), refused=EMPTY_ANSWER, excerpt=draft.asked)
    label = spellings.get(level(draft.answer), draft.answer)
    return Draft(draft.sources, draft.asked, label, system=draft.system, label=label)


def _text(row: Row, roles: Roles, kind: Kind) -> Iterator[Draft]:
    """A record of one text counts as a document of its own, its title as the heading."""
    text = row.fields.get(roles.target, "").strip()
    heading = tuple(value for name in roles.inputs if (value := row.fields.get(name, "").strip()))
    if not text:
        yield _refused(row, "empty")
        return
    document = Row(source=row.source, text=text, heading=heading)
    yield from (style if kind == "style" else reference).drafts([document])


def _by_label(row: Row, roles: Roles) -> Draft:
    text = max((row.fields.get(name, "").strip() for name in roles.inputs), key=len, default="")
    label = row.fields.get(roles.target, "").strip()
    if len(text) < style.LEAST or not label:
        return _refused(row, NO_TEXT)
    return Draft((row.source,), f"Write a text of the kind “{label}”.", text)
