"""Several answers to one request, given at the same time."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from records import ChatOptions, Piece

SEEDS = 2**63


def options_of_each(options: ChatOptions, count: int) -> list[ChatOptions]:
    """The first answer is the one that would be given alone; a seed gives each another one."""
    seed = options.seed
    if seed is None:
        return [options] * count
    return [options, *(options.but(seed=(seed + place) % SEEDS) for place in range(1, count))]


async def together(answers: Sequence[AsyncGenerator[Piece, None]]) -> AsyncGenerator[tuple[int, Piece], None]:
    """Pieces as they come, each with its answer's place. A fault in one answer ends all."""
    arrived: asyncio.Queue[tuple[int, Piece] | None] = asyncio.Queue()

    async def pump(place: int, pieces: AsyncGenerator[Piece, None]) -> None:
        async with aclosing(pieces):
            async for piece in pieces:
                arrived.put_nowait((place, piece))

    works = [asyncio.create_task(pump(place, pieces)) for place, pieces in enumerate(answers)]
    for work in works:
        work.add_done_callback(lambda _: arrived.put_nowait(None))
    try:
        left = len(works)
        while left:
            found = await arrived.get()
            if found is not None:
                yield found
                continue
            left -= 1
            for work in works:
                if work.done():
                    # raises what ended it
                    work.result()
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
