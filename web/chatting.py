"""Answers of a model, piece by piece, for the API and the chat page alike, wherever the model runs.

    async with aclosing(shop.chatting.answer(account, model, messages, options)) as pieces:
        async for piece in pieces: ...    # str, then one Usage

Closing the iterator, which a client that goes away does, stops the generation.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

import providers
from providers import Provider, is_hosted
from records import ChatOptions, Message, Piece, TunedModel, Turn, now
from registry import Registry
from registry.accounts import Account
from registry.usage import Window
from settings import Settings
from web.faults import TooManyRequests
from web.model_server import ModelServer
from web.plans import Plans
from web.vllm import Vllm

# answers that hosted providers give at once; each holds a thread that mostly waits
STREAMS = 1000


class Allowance(NamedTuple):
    """What is left of the account's window after this request. None means no limit."""

    limit: int | None
    used: int
    resets_in: timedelta

    @property
    def headers(self) -> dict[str, str]:
        if self.limit is None:
            return {}
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(max(self.limit - self.used, 0)),
            "x-ratelimit-reset-requests": f"{max(self.resets_in.total_seconds(), 0):.0f}s",
        }


class Chatting:
    def __init__(self, settings: Settings, registry: Registry, plans: Plans):
        self.settings, self.registry, self.plans = settings, registry, plans
        self.server = ModelServer()
        self.vllm = Vllm(settings.vllm_url, settings.vllm_api_key) if settings.vllm_url else None
        self.threads = ThreadPoolExecutor(STREAMS, "luthier-chat")
        self.streaming = 0
        self._provider = lru_cache(8)(self._made)

    async def answer(
        self,
        account: Account,
        model: TunedModel,
        messages: Sequence[Turn],
        options: ChatOptions,
        base: bool = False,
    ) -> AsyncGenerator[Piece, None]:
        """One request of the account's window. `base` asks the base model instead of the tuned one.

        Raises TooManyRequests at the plan's limit or when too many wait, and what the provider raises.
        """
        await self.spend(account)
        async with aclosing(self.pieces(model, messages, options, base)) as found:
            async for piece in found:
                yield piece

    async def spend(self, account: Account) -> Allowance:
        """Count one request. Raises TooManyRequests, with the time when the window frees."""
        return await asyncio.to_thread(self.spend_now, account)

    def spend_now(self, account: Account, answers: int = 1) -> Allowance:
        """`spend` for a caller that may block; each answer to a request counts as one."""
        plan, window = self.plans.plan(account), self.plans.window
        seen = self.registry.spend_request(account.id, plan.requests, window, answers)
        allowance = Allowance(plan.requests, seen.used, _until_free(seen))
        if not seen.granted:
            raise _spent(plan.title, allowance, window, answers)
        return allowance

    async def pieces(
        self, model: TunedModel, messages: Sequence[Turn], options: ChatOptions, base: bool = False
    ) -> AsyncGenerator[Piece, None]:
        """The answer alone: nothing is counted."""
        async with aclosing(await self._opened(model, messages, options, base)) as found:
            async for piece in found:
                yield piece

    async def _opened(
        self, model: TunedModel, messages: Sequence[Turn], options: ChatOptions, base: bool
    ) -> AsyncGenerator[Piece, None]:
        if is_hosted(model.provider):
            reference = model.base_model if base else model.reference
            provider = self._provider(model.provider)
            return self._threaded(lambda: provider.chat(model.base_model, reference, messages, options))
        folder = model.base_model if base else await asyncio.to_thread(self.registry.reference, model)
        if self.vllm:
            vllm, name = self.vllm, "" if base else model.id
            return self._threaded(lambda: vllm.chat(model.base_model, name, folder, messages, options))
        plain = [one for one in messages if isinstance(one, Message)]
        return self.server.chat(model.base_model, folder, plain, options)

    def chats_with(self, model: TunedModel) -> frozenset[str]:
        """Which parameters beyond the plain ones the model's back end takes. Several answers to one question
        are given by own models, which read the prompt once; vendors would charge it for each."""
        if is_hosted(model.provider):
            return self._provider(model.provider).chats_with
        back_end = self.vllm.provider if self.vllm else self._provider(model.provider)
        return back_end.chats_with | {"n"}

    def _made(self, name: str) -> Provider:
        return providers.get(name, **self.settings.provider_arguments(name))

    async def _threaded(self, open_: Callable[[], Iterator[Piece]]) -> AsyncGenerator[Piece, None]:
        """A blocking iterator's pieces; its thread stops at the next piece after nobody listens any more."""
        if self.streaming >= STREAMS:
            raise TooManyRequests(
                "Too many answers are being given at once.", "Try again in a moment.", None, 5
            )
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Piece | BaseException | None] = asyncio.Queue()
        gone = threading.Event()

        def tell(what: Piece | BaseException | None) -> None:
            if not gone.is_set():
                loop.call_soon_threadsafe(arrived.put_nowait, what)

        def pump() -> None:
            try:
                with closing(open_()) as pieces:  # type: ignore[type-var]
                    for piece in pieces:
                        tell(piece)
                        if gone.is_set():
                            break
                tell(None)
            except BaseException as error:
                # it is raised again where the answer is awaited
                tell(error)

        self.streaming += 1
        work = self.threads.submit(pump)
        work.add_done_callback(
            lambda _: loop.call_soon_threadsafe(self._ended) if loop.is_running() else None
        )
        try:
            while (piece := await arrived.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            gone.set()

    def _ended(self) -> None:
        self.streaming -= 1

    async def close(self) -> None:
        await self.server.close()
        self.threads.shutdown(wait=False, cancel_futures=True)


def _until_free(seen: Window) -> timedelta:
    return max(seen.frees_at - now(), timedelta(seconds=1)) if seen.frees_at else timedelta(0)


def _spent(title: str, allowance: Allowance, window: timedelta, answers: int) -> TooManyRequests:
    minutes = max(1, round(allowance.resets_in.total_seconds() / 60))
    hours = window.total_seconds() / 3600
    left = (allowance.limit or 0) - allowance.used
    what = f"leave {left} of the {answers} answers asked for" if left > 0 else "are used up"
    error = TooManyRequests(
        f"The {title} plan's {allowance.limit} requests in {hours:g} hours {what}.",
        f"The next ones are free in about {minutes} minutes; another plan holds more.",
        None,
        allowance.resets_in.total_seconds(),
    )
    error.headers = allowance.headers
    return error
