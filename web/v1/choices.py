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
    arrived: asyncio.Queue[tuple[int, Piece | BaseException | None]] = asyncio.Queue()

    async def pump(place: int, pieces: AsyncGenerator[Piece, None]) -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    arrived.put_nowait((place, piece))
            arrived.put_nowait((place, None))
        except Exception as error:
            # it is raised again where the answers are awaited
            arrived.put_nowait((place, error))

    works = [asyncio.create_task(pump(place, pieces)) for place, pieces in enumerate(answers)]
    try:
        left = len(works)
        while left:
            place, piece = await arrived.get()
            if isinstance(piece, BaseException):
                raise piece
            if piece is None:
                left -= 1
            else:
                yield place, piece
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
