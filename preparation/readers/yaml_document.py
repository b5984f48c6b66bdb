"""YAML: what holds questions with answers, labelled texts or dialogues is records, and so are the examples
that a Rasa bot understands people by; all other YAML configures a program and is read as code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from preparation.readers import Unreadable, code, excerpt, json_document, shapes
from preparation.readers.encoding import read_text
from records import Drop, Row, Source

LARGEST = 1 << 24  # bytes; a larger file is read as code, line by line
LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the quick one is not in every build
ASKED = frozenset(("question", "q", "prompt", "instruction", "input", "text", "utterance", "query", "frage"))
ANSWERED = frozenset(
    ("answer", "a", "response", "output", "completion", "reply", "label", "intent", "category", "antwort")
)
OF_RASA = frozenset(("stories", "rules", "responses", "e2e_tests", "pipeline", "policies"))
MARKED = re.compile(r"\[([^\[\]]+)\](?:\([^()]*\)|\{[^{}]*\})")
BESIDE = "a list of words, not of what people write"


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    value = _parsed(read_text(path)) if path.stat().st_size <= LARGEST else None
    if isinstance(value, dict) and isinstance(value.get("nlu"), list):
        yield from _examples(value["nlu"], source)
    elif isinstance(value, dict) and "version" in value and not OF_RASA.isdisjoint(value):
        raise Unreadable(
            "It tells a Rasa bot what to do and holds no examples of what people write",
            "give its nlu files, and its answers as a table of questions and answers",
        )
    elif records := _records(value):
        places = (Source(uri=source.uri, element=number) for number in range(1, len(records) + 1))
        yield from shapes.rows(map(shapes.Found, places, records))
    else:
        yield from code.read(path, source)


def _parsed(text: str) -> Any:
    """The value, of which every plain value is its text, for `no` may be a label; None for what is no YAML,
    or says in one place what it means in many."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, LOADER)):
            return None
        values = list(yaml.load_all(text, LOADER))
        return values[0] if len(values) == 1 else values
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _records(value: Any) -> list[Any]:
    try:
        found = json_document.records(value) or []
    except RecursionError:
        return []
    if found and all(shapes.turns(one) is not None or _is_example(one) for one in found):
        return found
    return json_document.asked(value)


def _is_example(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    names = {str(name).casefold() for name, held in value.items() if isinstance(held, (str, list))}
    return not names.isdisjoint(ASKED) and not names.isdisjoint(ANSWERED)


def _examples(understood: list[Any], source: Source) -> Iterator[Row | Drop]:
    for number, one in enumerate(understood, 1):
        place = Source(uri=source.uri, element=number)
        if not isinstance(one, dict) or not isinstance(one.get("intent"), str):
            yield Drop(source=place, reason=BESIDE, excerpt=excerpt(str(one)))
            continue
        for said in _lines(one.get("examples")):
            yield Row(source=place, fields={"text": MARKED.sub(r"\1", said), "intent": one["intent"]})


def _lines(examples: Any) -> Iterator[str]:
    if isinstance(examples, str):
        lines = (line.strip().removeprefix("-").strip() for line in examples.splitlines())
        yield from filter(None, lines)
    elif isinstance(examples, list):
        for one in examples:
            text = one.get("text") if isinstance(one, dict) else one
            if isinstance(text, str) and text.strip():
                yield text.strip().removeprefix("- ")
