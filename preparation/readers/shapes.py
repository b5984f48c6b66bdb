"""What a JSON value says: a dialogue in one of the usual shapes, a record of fields, or plain text."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple, get_args

from preparation.readers import elements, excerpt
from preparation.readers.annotations import NOT_ACCEPTED, annotated, is_accepted, is_task
from preparation.readers.assistant_export import exported_turns
from preparation.readers.call_log import alternating, answer_of, is_cut, logged_turns
from preparation.readers.chat_markup import marked_turns
from preparation.readers.dialect import has_header, unique_names
from preparation.readers.preferences import is_refused, preferred_turns, refused_answer
from preparation.readers.tickets import notes_of, ticket_turns
from records import Drop, Message, Role, Row, Source

ROLES: dict[str, Role] = {
    **{role: role for role in get_args(Role)},
    "developer": "system",
    **dict.fromkeys(("user", "human", "prompter", "customer"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatbot", "chatgpt", "ai", "agent"), "assistant"),
}
TURNS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns", "contents")
SPEAKER = ("role", "from", "speaker")  # the name under which a turn says who speaks
SAID = ("content", "value", "text", "parts", "message")
SYSTEM = ("system", "system_prompt", "systemInstruction", "system_instruction")
TOOLS = ("tool", "function", "observation", "function_call", "ipython")
CALLS = ("tool_calls", "function_call", "tool_call_id")
SAMPLE = 100
LONG = 80
NOTES = "a note among agents"
REFUSED = "an answer that people did not prefer"


class Found(NamedTuple):
    """A JSON value and the place it stood at."""

    source: Source
    value: Any


class NoDialogue(Exception):
    """Why messages can't be learned from."""


def rows(found: Iterable[Found | Drop]) -> Iterator[Row | Drop]:
    """A row for each value. Where most of the first hundred are dialogues, what is none is left out."""
    stream = iter(found)
    sample = list(islice(stream, SAMPLE))
    values = [item.value for item in sample if isinstance(item, Found)]
    if values and all(map(elements.is_element, values)):
        yield from _of_elements(chain(sample, stream))
        return
    names = _column_names(values)
    if names:
        del sample[next(at for at, item in enumerate(sample) if isinstance(item, Found))]
    dialogues = sum(turns(value) is not None for value in values) * 2 > len(values)
    for item in chain(sample, stream):
        if isinstance(item, Drop):
            yield item
        elif names and isinstance(item.value, list) and len(item.value) == len(names):
            yield row(item.source, dict(zip(names, item.value, strict=True)))
        elif is_refused(item.value):
            yield Drop(source=item.source, reason=REFUSED, excerpt=excerpt(str(item.value["completion"])))
        elif is_task(item.value):
            if is_accepted(item.value):
                yield row(item.source, annotated(item.value))
            else:
                yield Drop(source=item.source, reason=NOT_ACCEPTED, excerpt=excerpt(str(item.value)))
        else:
            yield row(item.source, item.value, dialogues)
            if refused := refused_answer(item.value):
                yield Drop(source=item.source, reason=REFUSED, excerpt=excerpt(refused))
            if notes := notes_of(item.value):
                yield Drop(source=item.source, reason=NOTES, excerpt=excerpt(notes))


def _of_elements(stream: Iterable[Found | Drop]) -> Iterator[Row | Drop]:
    kept: list[tuple[Source, Any]] = []
    for item in stream:
        if isinstance(item, Drop):
            yield item
        elif elements.is_element(item.value):
            kept.append((item.source, item.value))
        else:
            yield row(item.source, item.value)
    yield from elements.document(kept)


def _column_names(values: Sequence[Any]) -> list[str]:
    """The names of the columns, where the values are the rows of a table with its header first."""
    if len(values) < 2 or not all(
        isinstance(value, list) and len(value) == len(values[0]) > 1 for value in values
    ):
        return []
    if any(isinstance(cell, (list, dict)) for value in values for cell in value):
        return []
    cells = [["" if cell is None else as_text(cell) for cell in value] for value in values]
    return unique_names(cells[0]) if has_header(cells) else []


def row(source: Source, value: Any, among_dialogues: bool = False) -> Row | Drop:
    said = turns(value)
    if said is not None:
        try:
            return Row(source=source, messages=_dialogue(value, said))
        except NoDialogue as error:
            return Drop(source=source, reason=str(error), excerpt=excerpt(str(value)))
    if among_dialogues:
        return Drop(source=source, reason="no dialogue among dialogues", excerpt=excerpt(str(value)))
    if isinstance(value, str) and value.strip():
        return Row(source=source, text=value.strip())
    if isinstance(value, (dict, list)) and (fields := flatten(value)):
        return Row(source=source, fields=fields)
    return Drop(source=source, reason="an empty record", excerpt=excerpt(str(value)))


def turns(value: Any) -> Sequence[Any] | None:
    """The turns of a dialogue, if the value is one: the list itself or what stands under one of `TURNS`."""
    if isinstance(value, list):
        return value if any(_speaker(turn) in ROLES for turn in value) else None
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("prompt"), list) and isinstance(value.get("completion"), list):
        return turns(value["prompt"] + value["completion"])
    for key in TURNS:
        if key in value and ((said := turns(value[key])) is not None or value[key] == []):
            return _answered(said or [], value)
    if isinstance(value.get("text"), str) and (said := marked_turns(value["text"])):
        return said
    return (
        preferred_turns(value)
        or ticket_turns(value)
        or exported_turns(value)
        or logged_turns(value, turns)
        or alternating(value, TURNS)
    )


def _answered(said: Sequence[Any], value: dict[str, Any]) -> Sequence[Any]:
    """With the answer that stands beside what was asked, where the turns end with a question."""
    asks = bool(said) and ROLES.get(_speaker(said[-1]) or "") == "user"
    answer = answer_of(value, turns) if asks else None
    return [*said, answer] if answer else said


def are_records(values: Sequence[Any]) -> bool:
    """Whether a list is one of objects, and not the turns of one dialogue."""
    return bool(values) and all(isinstance(value, dict) for value in values) and turns(values) is None


def _speaker(turn: Any) -> str | None:
    if not isinstance(turn, dict) or not any(key in turn for key in SAID + CALLS):
        return None
    speaker = next((turn[key] for key in SPEAKER if isinstance(turn.get(key), str)), "")
    return speaker.strip().casefold()


def _dialogue(value: Any, said: Sequence[Any]) -> tuple[Message, ...]:
    if not said:
        raise NoDialogue("a dialogue without messages")
    messages = [_message(turn) for turn in said]
    above = next((value[key] for key in SYSTEM if value.get(key)), None) if isinstance(value, dict) else None
    if above and messages[0].role != "system":
        messages.insert(0, Message(role="system", content=_words(above)))
    return tuple(messages)


def _message(turn: Any) -> Message:
    speaker = _speaker(turn)
    if speaker is None:
        raise NoDialogue("a turn that is no message")
    if speaker in TOOLS or any(turn.get(key) for key in CALLS):
        raise NoDialogue("a dialogue that calls tools")
    if speaker not in ROLES:
        raise NoDialogue("a message of an unknown role")
    if is_cut(turn):
        raise NoDialogue("an answer that was cut off")
    weight = turn.get("weight") if ROLES[speaker] == "assistant" else None
    content = _words(next((turn[key] for key in SAID if key in turn), None))
    return Message(role=ROLES[speaker], content=content, weight=int(weight) if weight in (0, 1) else None)


def _words(content: Any) -> str:
    """The text of a message's content: a string, or parts that are all text."""
    if content is None:
        return ""
    if isinstance(content, (str, int, float)):
        return as_text(content)
    if isinstance(content, dict):
        return _words(content.get("parts", [content]))
    parts = [part.get("text") if isinstance(part, dict) else part for part in content]
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) < len(parts):
        raise NoDialogue("a message with content that is not text")
    return "\n".join(texts)


def flatten(value: dict[str, Any] | list[Any]) -> dict[str, str]:
    """Fields by dotted keys, elements counted from 1; nulls left out, lists of plain values joined."""
    if isinstance(value, list):
        value = {f"column_{number}": item for number, item in enumerate(value, 1)}
    return dict(_leaves("", value))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        if not any(isinstance(item, (dict, list)) for item in value):
            items = [as_text(item) for item in value if item is not None]
            mark = "\n" if any(len(item) > LONG or "\n" in item for item in items) else ", "
            value = mark.join(items) if items else None
        else:
            value = {str(number): item for number, item in enumerate(value, 1)}
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, below)
    elif value is not None:
        yield path, as_text(value)


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def depth(value: Any) -> int:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, below), default=0)


def mend(value: Any) -> Any:
    """The value with half surrogate pairs replaced, which JSON can escape and UTF-8 cannot hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [mend(item) for item in value]
    if isinstance(value, dict):
        return {mend(key): mend(item) for key, item in value.items()}
    return value
