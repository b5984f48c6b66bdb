"""/v1/chat/completions, at once or as a stream of events."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Literal, NamedTuple
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from errors import LuthierError
from records import ChatOptions, Message, TunedModel, Usage, now
from registry.accounts import Account
from web.chatting import Allowance
from web.faults import BadRequest, envelope
from web.streaming import EventStream, unless_gone
from web.v1.models import model_entry
from web.v1.shapes import Body, unsupported
from web.workshop import KeyHolder, Shop, Workshop

router = APIRouter(prefix="/chat/completions", tags=["chat"])

MAX_TOKENS = 512
LONGEST_ANSWER = 32_768
CLIENT_GONE = 499


class TextPart(Body):
    type: Literal["text"]
    text: str


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class StreamOptions(Body):
    include_usage: bool = False


class ChatRequest(Body):
    """Parameters below `seed` can be given as they are by default; another value is refused by name."""

    model: str = Field(min_length=1, max_length=128)
    messages: list[ChatMessage] = Field(min_length=1, max_length=2000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=LONGEST_ANSWER)
    max_completion_tokens: int | None = Field(None, ge=1, le=LONGEST_ANSWER)
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    seed: int | None = Field(None, ge=-(2**63), le=2**63 - 1)
    user: str | None = None
    metadata: dict[str, str] | None = None
    n: int | None = None
    store: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None


# what no back end of ours does, and the values that ask for nothing
IDLE: Mapping[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "store": (None, False),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "logit_bias": (None, {}),
    "frequency_penalty": (None, 0),
    "presence_penalty": (None, 0),
    "response_format": (None, {"type": "text"}),
    "tools": (None, []),
    "tool_choice": (None, "none", "auto"),
}


class Reply(NamedTuple):
    """What all chunks of one answer share."""

    id: str
    created: int
    model: str

    def chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def usage(self, usage: Usage) -> dict[str, Any]:
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": counted(usage)}

    def whole(self, text: str, usage: Usage) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": usage.finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": counted(usage)}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }


@router.post("")
async def create(request: Request, body: ChatRequest, shop: Shop, account: KeyHolder) -> Response:
    """Ask a model. Without a system message it gets the one that it was trained with."""
    for name, values in IDLE.items():
        if getattr(body, name) not in values:
            raise unsupported(name, f"'{name}' is not supported by this model's back end.", "Leave it out.")
    model, messages, allowance = await run_in_threadpool(_asked, body, shop, account)
    reply = Reply(f"chatcmpl-{uuid4().hex}", int(now().timestamp()), model.id)
    pieces = shop.chatting.pieces(model, messages, _options(body, model))
    if body.stream:
        first = await unless_gone(request, anext(pieces))
        if first is None:
            await pieces.aclose()
            return Response(status_code=CLIENT_GONE)
        with_usage = bool(body.stream_options and body.stream_options.include_usage)
        return EventStream(_events(reply, first, pieces, with_usage), allowance.headers)
    answer = await unless_gone(request, _collected(pieces))
    if answer is None:
        return Response(status_code=CLIENT_GONE)
    return JSONResponse(reply.whole(*answer), headers=allowance.headers)


def _asked(
    body: ChatRequest, shop: Workshop, account: Account
) -> tuple[TunedModel, list[Message], Allowance]:
    """The model, what it gets to read, and what is left of the window once this request is counted.

    Raises NotFound for a model that isn't the account's, TooManyRequests for a window that is spent.
    """
    model = model_entry(shop, account, body.model).model
    assert model is not None
    messages = [
        Message(role="system" if one.role == "developer" else one.role, content=one.text)
        for one in body.messages
    ]
    if not any(message.role == "system" for message in messages):
        trained_with = shop.registry.dataset(model.dataset_id).system
        if trained_with:
            messages.insert(0, Message(role="system", content=trained_with))
    if all(message.role == "system" for message in messages):
        raise BadRequest("There is nothing to answer.", "Add a user message.", param="messages")
    return model, messages, shop.chatting.spend_now(account)


def _options(body: ChatRequest, model: TunedModel) -> ChatOptions:
    # without a temperature a vendor samples, own models take the likeliest answer
    default = 0.0 if model.provider == "gpu" else 1.0
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    return ChatOptions(
        temperature=default if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        max_tokens=body.max_completion_tokens or body.max_tokens or MAX_TOKENS,
        stop=tuple(stop for stop in stops if stop),
        seed=body.seed,
    )


async def _collected(pieces: AsyncGenerator[str | Usage, None]) -> tuple[str, Usage]:
    texts: list[str] = []
    usage = Usage(prompt_tokens=0, completion_tokens=0)
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, Usage):
                usage = piece
            else:
                texts.append(piece)
    return "".join(texts), usage


async def _events(
    reply: Reply, first: str | Usage, pieces: AsyncGenerator[str | Usage, None], with_usage: bool
) -> AsyncGenerator[str, None]:
    async with aclosing(pieces):
        yield event(reply.chunk({"role": "assistant", "content": "", "refusal": None}))
        try:
            async for piece in _from(first, pieces):
                if not isinstance(piece, Usage):
                    yield event(reply.chunk({"content": piece}))
                    continue
                yield event(reply.chunk({}, piece.finish_reason))
                if with_usage:
                    yield event(reply.usage(piece))
        except LuthierError as error:
            yield event(envelope(error.http_status, error.message, error.code, hint=error.hint))
            return
        yield "data: [DONE]\n\n"


async def _from(first: str | Usage, rest: AsyncIterator[str | Usage]) -> AsyncIterator[str | Usage]:
    yield first
    async for piece in rest:
        yield piece


def event(what: dict[str, Any]) -> str:
    return f"data: {json.dumps(what, ensure_ascii=False, separators=(',', ':'))}\n\n"


def counted(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
