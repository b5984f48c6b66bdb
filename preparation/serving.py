"""The other end of `workers`: a process that reads files, or works on pieces of rows, one by one, told by
lines on standard input."""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from preparation.mapping import worked
from preparation.parsing import Parsed, Task, from_json, parse
from preparation.workers import MEMORY_REASON

PULSE = 1.0  # seconds between two signs of life


def line_of(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


Answer = Callable[[Task, Callable[[], None]], Parsed]


def serve(memory: int, pieces: bool = False) -> None:
    """Until standard input ends: read files, or work on pieces of rows. What libraries print does not come
    between the answers."""
    _limit(memory)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    answer = worked if pieces else parse
    for line in sys.stdin.buffer:
        answers.write(line_of(_answer(answer, from_json(Task, line), answers)))


def _answer(answer: Answer, task: Task, answers: BinaryIO) -> Parsed:
    last = time.monotonic()

    def getting_on() -> None:
        nonlocal last
        if time.monotonic() - last > PULSE:
            answers.write(b"\n")
            last = time.monotonic()

    try:
        return answer(task, getting_on)
    except MemoryError:
        return Parsed(reason=MEMORY_REASON)


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not memory:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory if most == resource.RLIM_INFINITY else min(memory, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))
