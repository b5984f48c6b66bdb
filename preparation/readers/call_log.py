"""What programs keep of their calls to a language model: what was asked as turns, and its answer beside it.
Logs of OpenAI, Anthropic, Gemini and Cohere, runs of LangSmith, samples of evals."""

from collections.abc import Callable, Sequence
from typing import Any

Turns = Sequence[Any]
ASKED = ("messages", "contents", "input", "prompt", "chat_history")
AROUND = ("request", "inputs", "input", "body", "kwargs", "item", "payload", "params")
ANSWERS = (
    "choices", "candidates", "generations", "response", "outputs", "output", "ideal", "completion", "answer",
    "expected_output", "reference_outputs", "generation", "reply", "result",
)  # fmt: skip
WITHIN = ("message", "body", "messages", "content", "text")
SYSTEM = ("system", "system_prompt", "systemInstruction", "system_instruction")
STOPPED = ("finish_reason", "finishReason", "stop_reason")
CUT = ("length", "max_tokens", "MAX_TOKENS")
DEEPEST = 4


def logged_turns(value: dict[str, Any], turns: Callable[[list[Any]], Turns | None]) -> Turns | None:
    """What was asked and answered; None where the record is no such log. `turns` tells a list of turns."""
    asked = _asked(value, turns, 0)
    if asked is None:
        return None
    if isinstance(value.get("message"), str) and value["message"] and "chat_history" in value:
        asked = [*asked, {"role": "user", "content": value["message"]}]
    answer = answer_of(value, turns)
    return [*asked, answer] if answer else None


def answer_of(value: dict[str, Any], turns: Callable[[list[Any]], Turns | None]) -> dict[str, Any] | None:
    """The first answer that is told beside what was asked."""
    said = (_answer(value[key], turns, 0) for key in ANSWERS if key in value)
    return next(filter(None, said), None)


def alternating(value: dict[str, Any], keys: Sequence[str]) -> Turns | None:
    """Texts of which every second one is an answer, as LIMA and UltraChat have them."""
    for key in (*keys, "data"):
        said = value.get(key)
        if key == "data" and not value.keys() <= {"id", "data"}:
            continue
        if isinstance(said, list) and len(said) > 1 and all(isinstance(text, str) for text in said):
            return [
                {"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(said)
            ]
    return None


def _asked(value: dict[str, Any], turns: Callable[[list[Any]], Turns | None], depth: int) -> Turns | None:
    for key in ASKED:
        if isinstance(value.get(key), list) and (said := turns(value[key])):
            above = next((value[name] for name in SYSTEM if value.get(name)), None)
            return [{"role": "system", "content": above}, *said] if above and depth else said
    inner = (value[key] for key in AROUND if isinstance(value.get(key), dict))
    found = (_asked(one, turns, depth + 1) for one in inner) if depth < DEEPEST else ()
    return next(filter(None, found), None)


def _answer(value: Any, turns: Callable[[list[Any]], Turns | None], depth: int) -> dict[str, Any] | None:
    if depth > DEEPEST or not value:
        return None
    if isinstance(value, str):
        return {"role": "assistant", "content": value}
    if isinstance(value, list):
        if said := turns(value):
            return _answer(said[-1], turns, depth + 1)
        return _answer(value[0], turns, depth + 1)
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("role"), str):
        return value
    keys = (key for key in (*WITHIN, *ANSWERS) if key in value)
    answer = next(filter(None, (_answer(value[key], turns, depth + 1) for key in keys)), None)
    return {**answer, **{key: value[key] for key in STOPPED if key in value}} if answer else None


def is_cut(turn: dict[str, Any]) -> bool:
    """Whether the model was stopped before it had said all."""
    return any(turn.get(key) in CUT for key in STOPPED)
