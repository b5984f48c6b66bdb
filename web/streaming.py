"""Answers that take a while: given up as soon as the client has gone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")


class EventStream(Response):
    """Server-sent events as they come. When the client goes, `events` is closed at once."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[str, None], headers: Mapping[str, str] | None = None):
        super().__init__(headers={"X-Accel-Buffering": "no", **(headers or {})})
        del self.headers["content-length"]
        self.events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self.events):
            await _first(self._send(send), _gone(receive))

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for event in self.events:
            await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def unless_gone(request: Request, work: Awaitable[T]) -> T | None:
    """The result, or none if the client went before it was there; the work is cancelled then."""
    return await _first(work, _gone(request.receive))


async def _first(work: Awaitable[T], gone: Awaitable[None]) -> T | None:
    wanted: asyncio.Future[T] = asyncio.ensure_future(work)
    watching: asyncio.Future[None] = asyncio.ensure_future(gone)
    both: tuple[asyncio.Future[Any], ...] = (wanted, watching)
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return wanted.result() if wanted.done() else None
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
