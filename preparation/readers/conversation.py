"""What people said one after the other, cut into conversations where a long silence falls."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from records import Message, Row, Source, Thread

SILENCE = timedelta(hours=8)
MOST_TURNS = 40


class Said(NamedTuple):
    """`at` may be unknown; `number` is the line or element it stands at, from 1."""

    speaker: str
    text: str
    number: int
    at: datetime | None = None
    thread: str = ""


def rows(said: Iterable[Said], source: Source, unit: str = "element") -> Iterator[Row]:
    """A row for each conversation; what one says in several messages is one turn."""
    for talk in _talks(said):
        turns = _turns(talk)
        for start in range(0, len(turns), MOST_TURNS):
            part = turns[start : start + MOST_TURNS]
            place = Source(uri=source.uri, **{unit: part[0].number})
            messages = tuple(Message(role="user", content=turn.text) for turn in part)
            thread = Thread(id=part[0].thread, at=part[0].at) if part[0].thread else None
            yield Row(
                source=place, messages=messages, speakers=tuple(turn.speaker for turn in part), thread=thread
            )


def _talks(said: Iterable[Said]) -> Iterator[list[Said]]:
    """Threads by their name; the others by silence."""
    threads: dict[str, list[Said]] = {}
    held: list[Said] = []
    for one in said:
        if not one.text.strip() or not one.speaker.strip():
            continue
        if one.thread:
            threads.setdefault(one.thread, []).append(one)
            continue
        last = held[-1].at if held else None
        if last and one.at and abs(one.at - last) > SILENCE:
            yield held
            held = []
        held.append(one)
    if held:
        yield held
    yield from threads.values()


def _turns(talk: Sequence[Said]) -> list[Said]:
    turns: list[Said] = []
    for one in talk:
        if turns and turns[-1].speaker == one.speaker:
            turns[-1] = turns[-1]._replace(text=f"{turns[-1].text}\n{one.text.strip()}")
        else:
            turns.append(one._replace(text=one.text.strip()))
    return turns
