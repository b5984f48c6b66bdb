"""/v1/chat/completions, at once or as a stream of events."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from errors import LuthierError
from providers import is_hosted
from records import ChatOptions, Message, Piece, ToolCall, TunedModel, Turn, Usage, now
from registry.accounts import Account
from web.chatting import Allowance
from web.faults import envelope
from web.streaming import EventStream, unless_gone
from web.v1.chat_request import ChatRequest, options_of, turns_of
from web.v1.models import model_entry
from web.workshop import KeyHolder, Shop, Workshop

router = APIRouter(prefix="/chat/completions", tags=["chat"])

CLIENT_GONE = 499


class Answered(NamedTuple):
    text: str
    calls: list[ToolCall]
    usage: Usage


class Reply(NamedTuple):
    """What all chunks of one answer share."""

    id: str
    created: int
    model: str

    def chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def piece(self, piece: str | ToolCall) -> dict[str, Any]:
        if isinstance(piece, str):
            return self.chunk({"content": piece})
        return self.chunk({"tool_calls": [{"index": piece.index, **_shown(piece)}]})

    def usage(self, usage: Usage) -> dict[str, Any]:
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": counted(usage)}

    def whole(self, answer: Answered) -> dict[str, Any]:
        usage = answer.usage
        message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.calls:
            message["content"] = answer.text or None
            message["tool_calls"] = [{"type": "function", **_shown(call)} for call in answer.calls]
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
    model, turns, options, allowance = await run_in_threadpool(_asked, body, shop, account)
    reply = Reply(f"chatcmpl-{uuid4().hex}", int(now().timestamp()), model.id)
    pieces = shop.chatting.pieces(model, turns, options)
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
    return JSONResponse(reply.whole(answer), headers=allowance.headers)


def _asked(
    body: ChatRequest, shop: Workshop, account: Account
) -> tuple[TunedModel, list[Turn], ChatOptions, Allowance]:
    """The model, what it gets to read and how it answers, and what is left of the window, this one counted.

    Raises NotFound for a model that isn't the account's, BadRequest for what its back end doesn't take,
    TooManyRequests for a window that is spent.
    """
    model = model_entry(shop, account, body.model).model
    assert model is not None
    chats_with = shop.chatting.chats_with(model)
    # without a temperature a vendor samples, own models take the likeliest answer
    options = options_of(body, chats_with, temperature=1.0 if is_hosted(model.provider) else 0.0)
    turns = turns_of(body, chats_with)
    if not any(turn.role == "system" for turn in turns):
        trained_with = shop.registry.dataset(model.dataset_id).system
        if trained_with:
            turns.insert(0, Message(role="system", content=trained_with))
    return model, turns, options, shop.chatting.spend_now(account)


async def _collected(pieces: AsyncGenerator[Piece, None]) -> Answered:
    texts: list[str] = []
    calls: dict[int, ToolCall] = {}
    usage = Usage(prompt_tokens=0, completion_tokens=0)
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, Usage):
                usage = piece
            elif isinstance(piece, str):
                texts.append(piece)
            else:
                calls[piece.index] = _joined(calls.get(piece.index), piece)
    return Answered("".join(texts), list(calls.values()), usage)


def _joined(call: ToolCall | None, piece: ToolCall) -> ToolCall:
    if call is None:
        return piece
    return call.but(
        id=call.id or piece.id, name=call.name or piece.name, arguments=call.arguments + piece.arguments
    )


def _shown(call: ToolCall) -> dict[str, Any]:
    """A first piece names the call, later ones carry arguments only."""
    function = {"name": call.name} if call.name else {}
    named = {"id": call.id, "type": "function"} if call.id else {}
    return {**named, "function": {**function, "arguments": call.arguments}}


async def _events(
    reply: Reply, first: Piece, pieces: AsyncGenerator[Piece, None], with_usage: bool
) -> AsyncGenerator[str, None]:
    async with aclosing(pieces):
        yield event(reply.chunk({"role": "assistant", "content": "", "refusal": None}))
        try:
            async for piece in _from(first, pieces):
                if not isinstance(piece, Usage):
                    yield event(reply.piece(piece))
                    continue
                yield event(reply.chunk({}, piece.finish_reason))
                if with_usage:
                    yield event(reply.usage(piece))
        except LuthierError as error:
            yield event(envelope(error.http_status, error.message, error.code, hint=error.hint))
            return
        yield "data: [DONE]\n\n"


async def _from(first: Piece, rest: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
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
