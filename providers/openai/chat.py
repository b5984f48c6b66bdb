"""Talks to a model at OpenAI, streamed, and lets base and tuned model answer the holdout."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import openai

from errors import Unavailable
from providers.hosted import whole
from providers.openai.faults import LATER, mapped
from providers.patience import Patience
from providers.tokens import Count, prompt_tokens
from records import ChatOptions, Piece, ToolCall, ToolRequest, ToolResult, Turn, Usage

MOST_STOPS = 4
PASSED_ON = frozenset(
    {
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
    }
)
REASONS = ("stop", "length", "tool_calls", "content_filter")


def stream(
    client: openai.OpenAI,
    patience: Patience,
    model: str,
    messages: Sequence[Turn],
    options: ChatOptions,
    count: Count,
) -> Iterator[Piece]:
    """Pieces of the answer, then the usage. Raises Unavailable when the answer breaks off."""
    prompt = [turn(message) for message in messages]
    answer = patience(lambda: _opened(client, model, prompt, options))
    pieces: list[str] = []
    reason, usage = None, None
    # who stops listening must not leave the vendor talking
    with mapped("answering"), closing(answer):
        for chunk in answer:
            usage = chunk.usage or usage
            for choice in chunk.choices or []:
                reason = choice.finish_reason or reason
                piece = getattr(choice.delta, "content", None) or getattr(choice.delta, "refusal", None)
                if piece:
                    pieces.append(whole(piece))
                    yield pieces[-1]
                for called in getattr(choice.delta, "tool_calls", None) or []:
                    call = call_of(called)
                    pieces.append(call.name + call.arguments)
                    yield call
    if reason is None:
        raise Unavailable("OpenAI's answer broke off.", LATER)
    yield Usage(
        prompt_tokens=usage.prompt_tokens if usage else prompt_tokens(prompt, count),
        completion_tokens=usage.completion_tokens if usage else count("".join(pieces)),
        finish_reason=reason if reason in REASONS else "stop",
    )


def turn(said: Turn) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": said.role, "content": said.content}
    if isinstance(said, ToolResult):
        return {**shown, "tool_call_id": said.call_id}
    if not isinstance(said, ToolRequest):
        return shown
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in said.calls
    ]
    return {**shown, "content": said.content or None, "tool_calls": calls}


def call_of(delta: Any) -> ToolCall:
    function = delta.function
    return ToolCall(
        index=delta.index,
        id=delta.id or "",
        name=(function and function.name) or "",
        arguments=(function and function.arguments) or "",
    )


def _opened(client: openai.OpenAI, model: str, prompt: list[dict[str, Any]], options: ChatOptions) -> Any:
    request: dict[str, Any] = {
        "model": model,
        "messages": prompt,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "max_completion_tokens": options.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if options.stop:
        request["stop"] = list(options.stop[:MOST_STOPS])
    if options.seed is not None:
        request["seed"] = options.seed
    request |= options.more
    with mapped("answering"):
        return client.chat.completions.create(**request)
