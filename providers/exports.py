"""The forms in which examples are handed to other programs."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from errors import InvalidData
from providers.format import Format
from providers.gemini.dataset import FORMAT as GEMINI
from providers.openai.dataset import FORMAT as OPENAI
from providers.training_file import lines

Line = dict[str, Any]
Form = Literal["messages", "openai", "gemini", "prompt-completion"]
SPEAKERS = {"user": "User", "assistant": "Assistant"}


def messages(example: Line) -> Iterator[Line]:
    """Hugging Face's conversational form: role and content alone, the same keys in every line."""
    said = [{"role": one["role"], "content": one["content"]} for one in example["messages"]]
    yield {"messages": said}


def pairs(example: Line) -> Iterator[Line]:
    """A line for each answer that is learned; what came before is the prompt, of a dialogue with names."""
    system = [one["content"] for one in example["messages"] if one["role"] == "system"]
    turns = [one for one in example["messages"] if one["role"] != "system"]
    for at, turn in enumerate(turns):
        if turn["role"] == "assistant" and turn.get("weight") != 0:
            before = turns[:at]
            asked = before[0]["content"] if len(before) == 1 else "\n\n".join(map(_named, before))
            yield {"prompt": "\n\n".join([*system, asked]), "completion": turn["content"]}


def _named(turn: Line) -> str:
    return f"{SPEAKERS[turn['role']]}: {turn['content']}"


def _vendors(form: Format) -> Callable[[Line], Iterator[Line]]:
    def made(example: Line) -> Iterator[Line]:
        if reason := form.fault(example):
            raise InvalidData(f"{form.vendor} would not take an example: {reason}.", "Export another form.")
        yield form.line(example)

    return made


FORMS: dict[Form, Callable[[Line], Iterator[Line]]] = {
    "messages": messages,
    "openai": _vendors(OPENAI),
    "gemini": _vendors(GEMINI),
    "prompt-completion": pairs,
}


def convert(path: Path, form: Form) -> int:
    """Write the local JSONL file anew in another form; returns its lines. Raises InvalidData for an example
    that a vendor would not take, and leaves the file as it was."""
    part, count = path.with_suffix(".part"), 0
    try:
        with part.open("w", encoding="utf-8") as file:
            for example in lines(str(path)):
                for line in FORMS[form](example):
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                    count += 1
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return count
