"""/v1/chat/completions, at once or as a stream of events."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from errors import LuthierError
from providers import is_hosted
from records import ChatOptions, Message, Piece, TokenChance, ToolCall, TunedModel, Turn, Usage, Weighed, now
from registry.accounts import Account
from web.chatting import Allowance
from web.faults import envelope
from web.streaming import EventStream, unless_gone
from web.v1.chat_request import ChatRequest, options_of, turns_of
from web.v1.choices import options_of_each, together
from web.v1.models import model_entry
from web.workshop import KeyHolder, Shop, Workshop

router = APIRouter(prefix="/chat/completions", tags=["chat"])

CLIENT_GONE = 499


class Answered(NamedTuple):
    text: str
    tokens: list[TokenChance] | None
    calls: list[ToolCall]
    usage: Usage


class Reply(NamedTuple):
    """What all chunks of the answers to one request share."""

    id: str
    created: int
    model: str

    def chunk(self, place: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": place, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def piece(self, place: int, piece: str | Weighed | ToolCall) -> dict[str, Any]:
        if isinstance(piece, str):
            return self.chunk(place, {"content": piece})
        if isinstance(piece, ToolCall):
            return self.chunk(place, {"tool_calls": [{"index": piece.index, **_shown(piece)}]})
        chunk = self.chunk(place, {"content": piece.text})
        chunk["choices"][0]["logprobs"] = _logprobs(piece.tokens)
        return chunk

    def usage(self, usages: Collection[Usage]) -> dict[str, Any]:
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": counted(usages)}

    def whole(self, answers: Sequence[Answered]) -> dict[str, Any]:
        choices = [_choice(place, answer) for place, answer in enumerate(answers)]
        usages = [answer.usage for answer in answers]
        return {**self._head("chat.completion"), "choices": choices, "usage": counted(usages)}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }


def _choice(place: int, answer: Answered) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.calls:
        message["content"] = answer.text or None
        message["tool_calls"] = [{"type": "function", **_shown(call)} for call in answer.calls]
    logprobs = None if answer.tokens is None else _logprobs(answer.tokens)
    return {
        "index": place,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": answer.usage.finish_reason,
    }


def _logprobs(tokens: Sequence[TokenChance]) -> dict[str, Any]:
    return {"content": [token.model_dump() for token in tokens], "refusal": None}


@router.post("")
async def create(request: Request, body: ChatRequest, shop: Shop, account: KeyHolder) -> Response:
    """Ask a model. Without a system message it gets the one that it was trained with."""
    model, turns, options, allowance = await run_in_threadpool(_asked, body, shop, account)
    reply = Reply(f"chatcmpl-{uuid4().hex}", int(now().timestamp()), model.id)
    wanted = options_of_each(options, body.n or 1)
    pieces = together([shop.chatting.pieces(model, turns, each) for each in wanted])
    if body.stream:
        first = await unless_gone(request, anext(pieces))
        if first is None:
            await pieces.aclose()
            return Response(status_code=CLIENT_GONE)
        with_usage = bool(body.stream_options and body.stream_options.include_usage)
        return EventStream(_events(reply, len(wanted), first, pieces, with_usage), allowance.headers)
    answers = await unless_gone(request, _collected(pieces, len(wanted), bool(body.logprobs)))
    if answers is None:
        return Response(status_code=CLIENT_GONE)
    return JSONResponse(reply.whole(answers), headers=allowance.headers)


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
    return model, turns, options, shop.chatting.spend_now(account, body.n or 1)


class Gathered:
    """One answer as its pieces come."""

    def __init__(self, with_tokens: bool) -> None:
        self.texts: list[str] = []
        self.tokens: list[TokenChance] | None = [] if with_tokens else None
        self.calls: dict[int, ToolCall] = {}
        self.usage = Usage(prompt_tokens=0, completion_tokens=0)

    def take(self, piece: Piece) -> None:
        if isinstance(piece, Usage):
            self.usage = piece
        elif isinstance(piece, str):
            self.texts.append(piece)
        elif isinstance(piece, ToolCall):
            self.calls[piece.index] = _joined(self.calls.get(piece.index), piece)
        else:
            self.texts.append(piece.text)
            self.tokens = [*(self.tokens or ()), *piece.tokens]

    @property
    def answer(self) -> Answered:
        return Answered("".join(self.texts), self.tokens, list(self.calls.values()), self.usage)


async def _collected(
    pieces: AsyncGenerator[tuple[int, Piece], None], count: int, with_tokens: bool
) -> list[Answered]:
    gathered = [Gathered(with_tokens) for _ in range(count)]
    async with aclosing(pieces):
        async for place, piece in pieces:
            gathered[place].take(piece)
    return [one.answer for one in gathered]


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
    reply: Reply,
    count: int,
    first: tuple[int, Piece],
    pieces: AsyncGenerator[tuple[int, Piece], None],
    with_usage: bool,
) -> AsyncGenerator[str, None]:
    usages: list[Usage] = []
    async with aclosing(pieces):
        for place in range(count):
            yield event(reply.chunk(place, {"role": "assistant", "content": "", "refusal": None}))
        try:
            async for place, piece in _from(first, pieces):
                if isinstance(piece, Usage):
                    usages.append(piece)
                    yield event(reply.chunk(place, {}, piece.finish_reason))
                else:
                    yield event(reply.piece(place, piece))
        except LuthierError as error:
            yield event(envelope(error.http_status, error.message, error.code, hint=error.hint))
            return
        if with_usage:
            yield event(reply.usage(usages))
        yield "data: [DONE]\n\n"


async def _from(
    first: tuple[int, Piece], rest: AsyncIterator[tuple[int, Piece]]
) -> AsyncIterator[tuple[int, Piece]]:
    yield first
    async for piece in rest:
        yield piece


def event(what: dict[str, Any]) -> str:
    return f"data: {json.dumps(what, ensure_ascii=False, separators=(',', ':'))}\n\n"


def counted(usages: Collection[Usage]) -> dict[str, int]:
    """All answers follow one prompt, which counts once."""
    prompt = max((usage.prompt_tokens for usage in usages), default=0)
    said = sum(usage.completion_tokens for usage in usages)
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
