"""How a hosted vendor is asked again before its fault is handed on: backoff, Retry-After, deadline."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from errors import Unavailable

T = TypeVar("T")
# a clock may be wrong, and a number too large for any date
LONGEST_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Patience:
    """In seconds. A wait beyond `deadline` is left to the caller, who can do other work meanwhile."""

    attempts: int = 5
    first: float = 1.0
    longest: float = 16.0
    deadline: float = 60.0
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, ask: Callable[[], T]) -> T:
        """What `ask` returns. Only for questions, and for orders that change nothing when repeated."""
        waited = 0.0
        for pause in self.pauses():
            try:
                return ask()
            except Unavailable as error:
                pause = max(pause, error.retry_after or 0)
                if waited + pause > self.deadline:
                    raise
                waited += pause
                self.sleep(pause)
        return ask()

    def pauses(self) -> Iterator[float]:
        """The waits between attempts: exponential, the upper half of each at random."""
        for attempt in range(self.attempts - 1):
            yield min(self.first * 2**attempt, self.longest) * random.uniform(0.5, 1)


PATIENT = Patience()
ONCE = Patience(attempts=1)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number or a date (RFC 9110); a day at most."""
    try:
        asked = _asked(headers)
    except (ValueError, TypeError):
        return None
    return None if asked is None else min(max(0.0, asked), LONGEST_SECONDS)


def _asked(headers: Mapping[str, str]) -> float | None:
    if milliseconds := headers.get("retry-after-ms"):
        return float(milliseconds) / 1000
    if not (asked := headers.get("retry-after")):
        return None
    if asked.strip().replace(".", "", 1).isdigit():
        return float(asked)
    return (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
