"""Talks to a Gemini model or a tuned endpoint, streamed."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from google.genai.types import GenerateContentConfig, ThinkingConfig

from errors import Refused, Unavailable
from providers.gemini import tools
from providers.gemini.access import Access
from providers.gemini.dataset import system_of
from providers.gemini.faults import LATER, is_status, mapped
from providers.hosted import Unanswerable, whole
from providers.patience import Patience
from providers.tokens import estimated, prompt_tokens
from records import ChatOptions, Piece, Turn, Usage

MOST_STOPS = 5


def stream(
    access: Access, patience: Patience, model: str, messages: Sequence[Turn], options: ChatOptions
) -> Iterator[Piece]:
    """Pieces of the answer, then the usage. Raises Unanswerable, and Unavailable when it breaks off."""
    prompt = [{"role": message.role, "content": message.content} for message in messages]
    asked = _Asked(tools.contents_of(messages), system_of(prompt), options)
    chunks = patience(lambda: _opened(access, model, asked))
    pieces: list[str] = []
    calls, reason, usage = 0, "", None
    with mapped("answering"):
        for chunk in chunks:
            usage = chunk.usage_metadata or usage
            _raise_if_blocked(chunk)
            for candidate in chunk.candidates or []:
                reason = str(getattr(candidate.finish_reason, "value", "") or reason)
                for piece in _texts(candidate):
                    pieces.append(piece)
                    yield piece
                for call in tools.calls_in(candidate, first=calls):
                    calls += 1
                    pieces.append(call.name + call.arguments)
                    yield call
    if not reason:
        raise Unavailable("Google's answer broke off.", LATER)
    if not pieces and reason not in ("STOP", "MAX_TOKENS"):
        raise Unanswerable(f"Google's filter stopped the answer ({reason}).", "Ask in other words.")
    yield Usage(
        prompt_tokens=(usage and usage.prompt_token_count) or prompt_tokens(prompt, estimated),
        completion_tokens=(usage and usage.candidates_token_count) or estimated("".join(pieces)),
        finish_reason="length" if reason == "MAX_TOKENS" else "tool_calls" if calls else "stop",
    )


class _Asked(NamedTuple):
    contents: Any
    system: str
    options: ChatOptions


def _opened(access: Access, model: str, asked: _Asked) -> Iterator[Any]:
    """The stream, its first piece already there. Tuned models answer without thinking, so it is asked off."""
    try:
        return _first(access, model, asked, ThinkingConfig(thinking_budget=0))
    except Refused as error:
        if not (is_status(error, 400) and "think" in error.message.lower()):
            raise
    return _first(access, model, asked, None)


def _first(access: Access, model: str, asked: _Asked, thinking: ThinkingConfig | None) -> Iterator[Any]:
    config, contents = _config(asked, thinking), asked.contents

    def ask() -> tuple[Any, Iterator[Any]]:
        chunks = iter(
            access.client.models.generate_content_stream(model=model, contents=contents, config=config)
        )
        return next(chunks, None), chunks

    first, rest = access.once("answering", ask)
    return _joined(first, rest)


def _joined(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    if first is not None:
        yield first
    yield from rest


def _config(asked: _Asked, thinking: ThinkingConfig | None) -> GenerateContentConfig:
    options = asked.options
    return GenerateContentConfig(
        system_instruction=asked.system or None,
        temperature=options.temperature,
        top_p=options.top_p,
        max_output_tokens=options.max_tokens,
        stop_sequences=list(options.stop[:MOST_STOPS]) or None,
        seed=options.seed,
        thinking_config=thinking,
        **tools.config_of(options.more),
    )


def _texts(candidate: Any) -> Iterator[str]:
    for part in (candidate.content.parts if candidate.content else None) or []:
        if part.text and not part.thought:
            yield whole(part.text)


def _raise_if_blocked(chunk: Any) -> None:
    feedback = chunk.prompt_feedback
    if feedback and feedback.block_reason:
        reason = getattr(feedback.block_reason, "value", feedback.block_reason)
        raise Unanswerable(f"Google's filter stopped the question ({reason}).", "Ask in other words.")
