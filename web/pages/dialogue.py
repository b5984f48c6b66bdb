"""An answer on its way to the chat page: lines of JSON, from the tuned model and, beside it, from its base.

{"conversation": ID}                first
{"side": "tuned", "text": PIECE}    as they come
{"error": {"code", "message", "hint"}}
{"html": TURN}                      last: the whole turn as the page shows it
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from errors import LuthierError
from records import Message, TunedModel, Usage
from registry.accounts import Account
from registry.conversations import ChatSettings, Conversation
from web.pages.rendering import templates
from web.streaming import EventStream
from web.workshop import Workshop


@dataclass
class Asked:
    """What is asked of whom; `answers` grow as the pieces come."""

    account: Account
    model: TunedModel
    conversation: Conversation
    system: str
    settings: ChatSettings
    answers: dict[str, str] = field(default_factory=dict)

    def messages(self, side: str) -> list[Message]:
        opening = [Message(role="system", content=self.system)] if self.system else []
        said = joined(self.conversation.messages(of_base=side == "base"))
        return opening + (said if self.settings.remember else said[-1:])


def joined(messages: Sequence[Message]) -> list[Message]:
    """A message that was never answered goes along with the next one: templates want turns to alternate."""
    found: list[Message] = []
    for message in messages:
        if found and found[-1].role == message.role:
            text = f"{found[-1].content}\n\n{message.content}"
            found[-1] = Message(role=message.role, content=text)
        else:
            found.append(message)
    return found


async def stream(shop: Workshop, asked: Asked) -> AsyncGenerator[str, None]:
    """Saves what was answered so far also when the browser stops listening."""
    saved = False
    try:
        yield line(conversation=asked.conversation.id)
        async with aclosing(_both(shop, asked)) as lines:
            async for fields in lines:
                yield line(**fields)
        saved = True
        yield line(html=_saved_turn(shop, asked))
    finally:
        if not saved:
            # stopped, or gone: keep what was said, synchronously, as this task is being cancelled
            _save(shop, asked)


def line(**fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False) + "\n"


async def _both(shop: Workshop, asked: Asked) -> AsyncGenerator[dict[str, Any], None]:
    """The lines of the tuned model, mixed with those of its base if they are compared."""
    arrived: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    begun = asyncio.Event()
    works = [asyncio.create_task(_one(shop, asked, "tuned", arrived, begun))]
    if asked.settings.compare:
        works.append(asyncio.create_task(_after(begun, _one(shop, asked, "base", arrived, asyncio.Event()))))
    try:
        left = len(works)
        while left:
            fields = await arrived.get()
            if fields is None:
                left -= 1
            else:
                yield fields
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


async def _after(begun: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """On own hardware the answers are given one by one: the tuned model's, often the shorter, goes first."""
    try:
        await begun.wait()
    except asyncio.CancelledError:
        work.close()
        raise
    await work


async def _one(
    shop: Workshop,
    asked: Asked,
    side: str,
    arrived: "asyncio.Queue[dict[str, Any] | None]",
    begun: asyncio.Event,
) -> None:
    options = asked.settings.options
    pieces = shop.chatting.answer(
        asked.account, asked.model, asked.messages(side), options, base=side == "base"
    )
    try:
        async with aclosing(pieces) as found:
            async for piece in found:
                begun.set()
                if isinstance(piece, str):
                    asked.answers[side] = asked.answers.get(side, "") + piece
                    arrived.put_nowait({"side": side, "text": piece})
                elif side == "tuned" and isinstance(piece, Usage) and piece.finish_reason == "length":
                    arrived.put_nowait(
                        {"side": side, "note": "The answer was cut at the length that is set."}
                    )
        asked.answers.setdefault(side, "")
    except LuthierError as error:
        arrived.put_nowait({"side": side, "error": dict(error.failure)})
    finally:
        begun.set()
        arrived.put_nowait(None)


def _save(shop: Workshop, asked: Asked) -> Conversation | None:
    """None if nothing was answered."""
    tuned, base = asked.answers.get("tuned"), asked.answers.get("base")
    if tuned is None and base is None:
        return None
    place = (asked.account.id, asked.conversation.id)
    try:
        shop.registry.add_turn(*place, "assistant", tuned or "", base)
        return shop.registry.conversation(*place)
    except LuthierError:
        # deleted meanwhile
        return None


def _saved_turn(shop: Workshop, asked: Asked) -> str:
    kept = _save(shop, asked)
    if kept is None:
        return ""
    template = templates.env.get_template("_turn.html")
    return template.render(turn=kept.turns[-1], last=True)


class Lines(EventStream):
    """Closes `stream` at once when the browser goes."""

    media_type = "application/x-ndjson"
