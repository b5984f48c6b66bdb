"""What tells a process from another one with its id: ids are used again, and mean nothing on another machine.

The time of day at which it started does not: that moves when the clock is set, and a living process would be
taken for dead.
"""

import os
import time
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from uuid import getnode

CLOCK_SECONDS = 5  # the moment of the boot is told in whole seconds, by a clock that is being corrected


@lru_cache(1)
def place() -> str:
    """Where process ids mean the same: this boot of this machine, and in it this container."""
    marks = [str(getnode())]
    with suppress(OSError):
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
        marks.append(os.readlink("/proc/self/ns/pid"))
    return sha256(" ".join(marks).encode()).hexdigest()[:16]


def birth(pid: int) -> str | None:
    """The place and the seconds from its boot, as "place.seconds"; None for a process that has ended."""
    started = _started(pid)
    return None if started is None else f"{place()}.{started}"


def lives(pid: int, born: str | None) -> bool | None:
    """Whether the process with this id and birth has not ended; None if it can't be seen from here."""
    there, _, seconds = (born or "").partition(".")
    if there != place():
        return None
    started = _started(pid)
    return started is not None and abs(started - int(seconds)) <= CLOCK_SECONDS


def age(born: str | None) -> float:
    """Seconds since a birth: none for a process that had ended before it was looked at, infinitely many for
    one at another place, an earlier boot for instance."""
    import psutil

    if born is None:
        return 0.0
    there, _, seconds = born.partition(".")
    return time.time() - psutil.boot_time() - int(seconds) if there == place() else float("inf")


def _started(pid: int) -> int | None:
    """Seconds from the boot; None for no such process, or one that has ended and was not fetched yet."""
    import psutil

    try:
        process = psutil.Process(pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        return None if ended else int(process.create_time() - psutil.boot_time())
    except psutil.NoSuchProcess:
        return None
