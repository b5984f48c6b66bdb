"""Records of two answers to one question, of which people preferred one: that one is learned from. The other
one is an example of what should not be said, so it is left out."""

from collections.abc import Sequence
from typing import Any

from preparation.readers.chat_markup import marked_turns

CHOSEN = ("chosen", "preferred_output")
REFUSED = ("rejected", "non_preferred_output")
UNPAIRED = {"prompt", "completion", "label"}


def preferred_turns(value: dict[str, Any]) -> Sequence[Any] | None:
    """The question's turns and those of the preferred answer; None if it is no pair of dialogues."""
    chosen = next((value[key] for key in CHOSEN if key in value), None)
    if not any(key in value for key in REFUSED):
        return None
    if isinstance(chosen, str):
        asked = value.get("prompt")
        if isinstance(asked, list) and asked and all(isinstance(turn, dict) for turn in asked):
            return [*asked, {"role": "assistant", "content": chosen}]
        return marked_turns(chosen)
    if not isinstance(chosen, list) or not all(isinstance(turn, dict) for turn in chosen):
        return None
    return [*_asked(value), *chosen]


def refused_answer(value: Any) -> str:
    """The answer that was not preferred, if it is told as turns."""
    if not isinstance(value, dict) or preferred_turns(value) is None:
        return ""
    refused = next((value[key] for key in REFUSED if key in value), "")
    last = refused[-1] if isinstance(refused, list) and refused else refused
    return str(last.get("content", last.get("value", "")) if isinstance(last, dict) else last)


def is_refused(value: Any) -> bool:
    """Whether the record is one answer with people's verdict on it, and that was no."""
    return isinstance(value, dict) and value.keys() == UNPAIRED and value["label"] is False


def _asked(value: dict[str, Any]) -> list[Any]:
    """The turns before the answers: OpenAI's `input`, or a prompt of text or turns."""
    asked = value.get("input", value.get("prompt", value.get("question")))
    if isinstance(asked, dict):
        asked = asked.get("messages")
    chosen = next(value[key] for key in CHOSEN if key in value)
    if isinstance(asked, list):
        return [] if chosen[: len(asked)] == asked else asked
    speaks = str(chosen[0].get("role", chosen[0].get("from", ""))) if chosen else ""
    # a dialogue that begins with its own question needs no prompt
    is_answer = speaks.casefold() in ("assistant", "gpt", "model")
    return [{"role": "user", "content": asked}] if isinstance(asked, str) and asked and is_answer else []
