"""Conversations written down as `Name: what they said`, wherever they stand."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from preparation.readers.conversation import Said, rows
from preparation.tables.roles import ANSWERS, LABELS, plain_name
from records import Row, Source

TARGETS = frozenset(LABELS)
WORDS = tomllib.loads((Path(__file__).parent / "speaker_words.toml").read_text("utf-8"))
ANSWERING, ASKING, NO_NAMES = (frozenset(WORDS[name]) for name in ("answering", "asking", "no_names"))
TURN = re.compile(
    r"^(?:[-*•]\s+)?(?:[\[(]?(?:\d{1,2}:)?\d{1,2}:\d{2}[\])]?\s+)?(?P<bold>[*_]{0,3})"
    r"(?P<name>[^\W\d_][^\n:*_|#<>\[\]{}=/]{0,39}?)(?:\s*\([^()\n]{1,40}\))?(?:(?P=bold)\s*:|\s*:(?P=bold))(?:\s+(?P<text>.*))?$"
)
FEWEST = 4  # turns, unless the names are those of roles
WORDS_IN_NAME = 4
MOST_SPEAKERS = 8
ENDS = re.compile(r"[.?!…。？！)\"”’]\s*$")


class Turn(NamedTuple):
    speaker: str
    number: int  # of its line, from 0
    text: str


def spoken(row: Row) -> Iterator[Row]:
    """The row as conversations, or as it is. What stands before the first turn stays a text."""
    lines = row.text.split("\n")
    turns = _turns(lines) if ":" in row.text and "```" not in row.text else []
    if not turns or not _is_talk(turns):
        yield row
        return
    before = "\n".join(lines[: turns[0].number]).strip()
    if before:
        yield row.model_copy(update={"text": before})
    first = row.source.line or 1
    said = [Said(turn.speaker, turn.text, first + turn.number) for turn in turns]
    for made in rows(said, row.source, "line"):
        line = made.source.line if row.source.line else None
        place: Source = row.source.model_copy(update={"line": line})
        yield made.model_copy(update={"source": place, "heading": row.heading})


def spoken_in_cell(row: Row) -> Iterator[Row]:
    """A record as the conversation that its longest cell holds, unless another column says what to learn."""
    cell = max(row.fields.values(), key=len)
    if "\n" not in cell or ":" not in cell or any(map(_is_target, row.fields)):
        yield row
        return
    talks = list(spoken(Row(source=row.source, text=cell)))
    if any(one.text for one in talks):
        yield row
        return
    yield from (one.model_copy(update={"source": row.source}) for one in talks)


@lru_cache(1000)
def _is_target(name: str) -> bool:
    words = plain_name(name)
    return words in ANSWERS or not TARGETS.isdisjoint(words.split())


def _turns(lines: Sequence[str]) -> list[Turn]:
    """Lines without a name go on with what was said before."""
    turns: list[Turn] = []
    for number, line in enumerate(lines):
        match = TURN.match(line.strip())
        if match and _may_be_name(match["name"]):
            turns.append(Turn(match["name"].strip(), number, match["text"] or ""))
        elif turns:
            turns[-1] = turns[-1]._replace(text=f"{turns[-1].text}\n{line}".strip())
    return turns


def _may_be_name(name: str) -> bool:
    words = name.split()
    plain = name.casefold().strip()
    if plain in ANSWERING or plain in ASKING:
        return True
    return plain not in NO_NAMES and len(words) <= WORDS_IN_NAME and words[0][0].isupper()


def _is_talk(turns: Sequence[Turn]) -> bool:
    """Whether few people speak in turns, each more than once, in sentences; of the roles of a talk two turns
    are enough."""
    counts = Counter(turn.speaker for turn in turns)
    if not 2 <= len(counts) <= MOST_SPEAKERS or not all(turn.text for turn in turns[:2]):
        return False
    roles = {name.casefold() for name in counts}
    if roles <= ANSWERING | ASKING and roles & ASKING and roles & ANSWERING:
        return True
    back = sum(count for count in counts.values() if count > 1)
    changes = sum(one.speaker != other.speaker for one, other in pairwise(turns))
    sentences = sum(bool(ENDS.search(turn.text)) and len(turn.text.split()) > 1 for turn in turns)
    return (
        len(turns) >= FEWEST
        and sorted(counts.values())[-2] > 1
        and back >= 0.8 * len(turns)
        and changes >= 0.6 * (len(turns) - 1)
        and sentences >= 0.5 * len(turns)
    )
