"""The other end of `workers`: a process that reads files one by one, told by lines on standard input."""

import json
import os
import sys
import time
from typing import Any, BinaryIO

from preparation.parsing import Parsed, Task, from_json, parse
from preparation.workers import MEMORY_REASON

PULSE = 1.0  # seconds between two signs of life


def line_of(message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


def serve(memory: int) -> None:
    """Until standard input ends. What libraries print does not come between the answers."""
    _limit(memory)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        answers.write(line_of(_answer(from_json(Task, line), answers)))


def _answer(task: Task, answers: BinaryIO) -> Parsed:
    last = time.monotonic()

    def getting_on() -> None:
        nonlocal last
        if time.monotonic() - last > PULSE:
            answers.write(b"\n")
            last = time.monotonic()

    try:
        return parse(task, getting_on)
    except MemoryError:
        return Parsed(reason=MEMORY_REASON)


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory if most == resource.RLIM_INFINITY else min(memory, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))
