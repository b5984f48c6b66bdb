"""Who holds a claim: a process, which others on its machine can see alive or dead.

A claim of a process that was killed need not be waited out then.
"""

import os
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from uuid import getnode, uuid4

CLOCK_SECONDS = 5  # the moment of the boot is told in whole seconds, by a clock that is being corrected


def new_token() -> str:
    """This process as a holder: where it is, its id, the second it started after the boot, and chance."""
    return f"{_place()}.{os.getpid()}.{_started(os.getpid())}.{uuid4().hex[:12]}"


def has_died(token: str) -> bool:
    """Whether the holder is gone for certain; False for one that can't be seen from here."""
    place, *parts = token.split(".")
    if place != _place() or len(parts) != 3:
        return False
    started = _started(int(parts[0]))
    return started is None or abs(started - int(parts[1])) > CLOCK_SECONDS


def _started(pid: int) -> int | None:
    """None for no such process, or one that has ended and was not fetched yet.

    Counted from the boot: the time of day of a process's start moves when the clock is set, and a living
    holder would be taken for dead.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        return None if ended else int(process.create_time() - psutil.boot_time())
    except psutil.NoSuchProcess:
        return None


@lru_cache(1)
def _place() -> str:
    """Where process ids mean the same: this boot of this machine, and in it this container."""
    marks = [str(getnode())]
    with suppress(OSError):
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip())
        marks.append(os.readlink("/proc/self/ns/pid"))
    return sha256(" ".join(marks).encode()).hexdigest()[:16]
