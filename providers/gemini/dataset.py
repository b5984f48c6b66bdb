"""Gemini's training format: `contents` of user and model turns, the system message beside them."""

from typing import Any

from providers.format import Format

LARGEST_BYTES = 1024**3

NO_MESSAGES = "it has no messages"
NOT_LAST = "the last message is not from the assistant"
WEIGHT = "an answer has weight 0, and Gemini can't leave an answer out of the training"
TOOL = "it calls a tool, which is not translated for Gemini"
EMPTY = "an assistant message says nothing"
NOT_TEXT = "a message is not plain text"
NO_USER = "there is no user message before the answer"
ROLES = {"user": "user", "assistant": "model"}


def line(example: dict[str, Any]) -> dict[str, Any]:
    said = [message for message in example["messages"] if message["role"] in ROLES]
    made = {"contents": [turn(ROLES[message["role"]], message["content"]) for message in said]}
    system = system_of(example["messages"])
    return {"systemInstruction": {"role": "system", "parts": [{"text": system}]}, **made} if system else made


def turn(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def system_of(messages: list[dict[str, Any]]) -> str:
    return "\n\n".join(
        message["content"] for message in messages if message["role"] in ("system", "developer")
    )


def fault(example: dict[str, Any]) -> str:
    messages = example.get("messages")
    if not messages:
        return NO_MESSAGES
    if example.get("tools") or any(m.get("tool_calls") or m.get("role") == "tool" for m in messages):
        return TOOL
    if not all(isinstance(message.get("content"), str) for message in messages):
        return NOT_TEXT
    if messages[-1].get("role") != "assistant":
        return NOT_LAST
    if any(message.get("weight") == 0 for message in messages):
        return WEIGHT
    if any(message["role"] == "assistant" and not message["content"].strip() for message in messages):
        return EMPTY
    return "" if any(message["role"] == "user" for message in messages) else NO_USER


FORMAT = Format("Gemini", line, fault, LARGEST_BYTES)
