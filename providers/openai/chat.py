"""Talks to a model at OpenAI, streamed, and lets base and tuned model answer the holdout."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import openai

from errors import Unavailable
from providers.openai.faults import LATER, mapped
from providers.patience import Patience
from providers.tokens import Count, prompt_tokens
from records import ChatOptions, Message, Usage

MOST_STOPS = 4


def stream(
    client: openai.OpenAI,
    patience: Patience,
    model: str,
    messages: Sequence[Message],
    options: ChatOptions,
    count: Count,
) -> Iterator[str | Usage]:
    """Pieces of the answer, then the usage. Raises Unavailable when the answer breaks off."""
    prompt = [{"role": message.role, "content": message.content} for message in messages]
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
                    pieces.append(piece)
                    yield piece
    if reason is None:
        raise Unavailable("OpenAI's answer broke off.", LATER)
    yield Usage(
        prompt_tokens=usage.prompt_tokens if usage else prompt_tokens(prompt, count),
        completion_tokens=usage.completion_tokens if usage else count("".join(pieces)),
        finish_reason="length" if reason == "length" else "stop",
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
    with mapped("answering"):
        return client.chat.completions.create(**request)
