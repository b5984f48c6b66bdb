"""How a job goes on at a loopback vendor, and what a model trained there says. Both without chance."""

import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

REMEMBERED = 2_000


@dataclass
class Script:
    """How one job goes. `states`: what it passes through, in the vendor's words; None for the usual ones."""

    outcome: str = "succeeded"
    states: list[str] | None = None
    error: dict[str, Any] | None = None
    changes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Pace:
    """One state a poll (or every `polls`-th), or all states evenly over `seconds` of the clock."""

    polls: int = 1
    seconds: float | None = None

    def change(self, polls: int = 1, seconds: float | None = None) -> None:
        """Also for the jobs that are under way."""
        self.polls, self.seconds = polls, seconds


class Life:
    """Where a job stands. Each look at it is a poll."""

    def __init__(self, states: list[str], pace: Pace):
        self.states, self.pace = states, pace
        self.looks, self.born = 0, time.monotonic()
        self.ended: str | None = None

    def look(self) -> str:
        self.looks += 1
        return self.now

    @property
    def place(self) -> int:
        if self.pace.seconds is None:
            return min(self.looks // self.pace.polls, len(self.states) - 1)
        share = (time.monotonic() - self.born) / max(self.pace.seconds, 1e-9)
        return min(int(share * (len(self.states) - 1)), len(self.states) - 1)

    @property
    def now(self) -> str:
        return self.ended or self.states[self.place]


class Scripts:
    """How the next jobs go, in order; the usual way when there is nothing said."""

    def __init__(self) -> None:
        self.waiting: deque[Script] = deque()

    def say(self, **script: Any) -> None:
        self.waiting.append(Script(**script))

    def take(self) -> Script:
        return self.waiting.popleft() if self.waiting else Script()


Pair = tuple[str, str]


def nearest(pairs: list[Pair], question: str) -> str:
    """The answer of the training example whose question shares the most words with this one."""
    asked = _words(question)

    def likeness(pair: Pair) -> float:
        known = _words(pair[0])
        return len(asked & known) / max(len(asked | known), 1)

    return max(pairs, key=likeness)[1] if pairs else ""


def echo(question: str) -> str:
    return f"You said: {question}"


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))
