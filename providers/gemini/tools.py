"""Tools, forced formats and penalties of OpenAI's chat in Gemini's words, and the calls back again."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from providers.gemini.dataset import ROLES, turn
from records import ToolCall, ToolRequest, ToolResult, Turn

PENALTIES = ("frequency_penalty", "presence_penalty")
PASSED_ON = frozenset({"tools", "tool_choice", "response_format", *PENALTIES})
MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}


def config_of(more: dict[str, Any]) -> dict[str, Any]:
    """Fields of a GenerateContentConfig."""
    found: dict[str, Any] = {name: more[name] for name in PENALTIES if name in more}
    if tools := more.get("tools"):
        found["tools"] = [{"function_declarations": [_declared(tool["function"]) for tool in tools]}]
        # the SDK would call Python functions by itself
        found["automatic_function_calling"] = {"disable": True}
    if choice := more.get("tool_choice"):
        found["tool_config"] = {"function_calling_config": _choice(choice)}
    wanted = more.get("response_format", {"type": "text"})
    if wanted["type"] != "text":
        found["response_mime_type"] = "application/json"
    if wanted["type"] == "json_schema":
        found["response_json_schema"] = wanted["json_schema"].get("schema", {})
    return found


def _declared(function: dict[str, Any]) -> dict[str, Any]:
    declared = {"name": function["name"], "description": function.get("description", "")}
    if function.get("parameters"):
        declared["parameters_json_schema"] = function["parameters"]
    return declared


def _choice(choice: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"mode": MODES[choice]}
    return {"mode": "ANY", "allowed_function_names": [choice["function"]["name"]]}


def contents_of(messages: Sequence[Turn]) -> list[dict[str, Any]]:
    """The turns but for system messages. Gemini knows the result of a call by the function's name."""
    names = {call.id: call.name for one in messages if isinstance(one, ToolRequest) for call in one.calls}
    found: list[dict[str, Any]] = []
    for said in messages:
        if isinstance(said, ToolResult):
            answer = {"name": names.get(said.call_id, said.call_id), "response": {"result": said.content}}
            part = {"function_response": answer}
            if found and "function_response" in found[-1]["parts"][-1]:
                # results of calls made together come together
                found[-1]["parts"].append(part)
            else:
                found.append({"role": "user", "parts": [part]})
        elif isinstance(said, ToolRequest):
            texts = [{"text": said.content}] if said.content else []
            found.append({"role": "model", "parts": texts + [_called(call) for call in said.calls]})
        elif said.role in ROLES:
            found.append(turn(ROLES[said.role], said.content))
    return found


def _called(call: ToolCall) -> dict[str, Any]:
    return {"function_call": {"name": call.name, "args": json.loads(call.arguments or "{}")}}


def calls_in(candidate: Any, first: int) -> Iterator[ToolCall]:
    """The calls of a piece of the answer, numbered from `first`."""
    parts = (candidate.content.parts if candidate.content else None) or []
    for index, call in enumerate((part.function_call for part in parts if part.function_call), first):
        yield ToolCall(
            index=index,
            id=call.id or f"call_{uuid4().hex[:24]}",
            name=call.name or "",
            arguments=json.dumps(call.args or {}, ensure_ascii=False),
        )
