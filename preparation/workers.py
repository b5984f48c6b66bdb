"""Processes that read untrusted files, each with a memory limit, killed when a file takes too long; or that
work on pieces of rows.

They are started by command line, not by multiprocessing, so that it works wherever a pipeline runs: in
daemons, in threads, in scripts without a guard. One bad file costs one reason, whatever it does.
"""

import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from preparation.parsing import Parsed, Task, from_json

log = logging.getLogger(__name__)

SERVE = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    "from preparation.serving import serve; serve(int(sys.argv[2]), bool(sys.argv[3]))"
)
HOME = str(Path(__file__).resolve().parent.parent)
BYTES_A_SECOND = 1 << 20  # that even a slow reader takes in, on top of the seconds allowed
LOOK = 1.0  # seconds between looks at the clock
MEMORY_REASON = "It needs more memory than one file may take; split it."
CRASH_REASON = "It broke the program that read it; open it in its own program and save it anew."


class Limits(NamedTuple):
    """For each file. `seconds` may pass without a new row; a larger file is given more. `memory` is in
    bytes, 0 for any."""

    seconds: float = 60
    whole: float = 3600
    memory: int = 2 << 30


class Node:
    """A file on its way: what was asked, what came of it, and the files inside it."""

    __slots__ = ("about", "fresh_only", "inner", "parsed", "task", "words")

    def __init__(self, task: Task, about: Any):
        self.task = task
        self.about = about
        self.parsed: Parsed | None = None
        self.inner: list[Node] = []
        self.fresh_only = False  # a used process failed on it: a fresh one has the last word
        self.words = ""  # the last ones of a process that ended over it


class Worker:
    """One process; `node` is what it is at."""

    def __init__(self, limits: Limits, pieces: bool):
        self.limits = limits
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, HOME, str(limits.memory), "pieces" * pieces],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,
            bufsize=0,
        )
        self.node: Node | None = None
        self.read = b""
        self.served = 0

    def begin(self, node: Node) -> bool:
        """False if the process is gone."""
        from preparation.serving import line_of

        assert self.process.stdin is not None
        self.node = node
        self.patience = self.limits.seconds
        with suppress(OSError):
            self.patience += os.path.getsize(node.task.path) / BYTES_A_SECOND
        self.started = self.moved = time.monotonic()
        try:
            self.process.stdin.write(line_of(node.task))
        except OSError:
            self.node = None
            return False
        return True

    def hears(self) -> tuple[bool, Parsed | None]:
        """Whether it lives, and its answer if that is there."""
        assert self.process.stdout is not None
        block = os.read(self.process.stdout.fileno(), 1 << 16)
        if not block:
            return False, None
        self.moved = time.monotonic()
        self.read += block
        *lines, self.read = self.read.split(b"\n")
        answers = [line for line in lines if line]
        return True, from_json(Parsed, answers[0]) if answers else None

    @property
    def overdue(self) -> bool:
        now = time.monotonic()
        return self.node is not None and (
            now - self.moved > self.patience or now - self.started > self.limits.whole + self.patience
        )

    def end(self) -> str:
        """Its last words. What it started, OCR for instance, ends with it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, self.errors.tell() - 2000))
        words = self.errors.read().decode("utf-8", "replace").strip()
        self.errors.close()
        return words.rpartition("\n")[2]


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ending(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"it ended with code {code}"


class Pool:
    """As many processes as there is work for, up to `most`; started when first needed. They read files, or
    work on `pieces` of rows (see `mapping`)."""

    def __init__(self, most: int | None = None, limits: Limits = Limits(), pieces: bool = False):  # noqa: B008 - a tuple
        self.most = most or cores()
        self.limits = limits
        self.pieces = pieces
        self.workers: list[Worker] = []
        self.waiting: deque[Node] = deque()
        self.selector = selectors.DefaultSelector()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: Any) -> None:
        for worker in self.workers:
            worker.end()
        self.selector.close()

    def submit(self, node: Node, first: bool = False) -> None:
        self.waiting.insert(0 if first else len(self.waiting), node)

    def step(self, seconds: float = LOOK) -> Iterator[Node]:
        """Hand out what waits; the nodes that were done since, at the latest after some seconds."""
        while self.waiting and (worker := self._idle()):
            node = self.waiting.popleft()
            if node.fresh_only and worker.served:
                worker = self._replaced(worker)
            if not worker.begin(node):
                self._replaced(worker)
                self.waiting.appendleft(node)
        busy = [worker for worker in self.workers if worker.node]
        if not busy:
            return
        for key, _ in self.selector.select(seconds):
            worker = key.data
            alive, parsed = worker.hears()
            if not alive:
                yield from self._died(worker)
            elif parsed is not None and worker.node:
                yield from self._answered(worker, parsed)
        for worker in [worker for worker in self.workers if worker.overdue]:
            late = worker.node
            self._replaced(worker)
            seconds = round(worker.patience)
            yield from self._done(
                late, Parsed(reason=f"It took longer than {seconds} seconds to read; split it.")
            )

    def _answered(self, worker: Worker, parsed: Parsed) -> Iterator[Node]:
        node, worker.node = worker.node, None
        used, worker.served = worker.served, worker.served + 1
        if parsed.reason == MEMORY_REASON:
            self._replaced(worker)
            if used and node:
                node.fresh_only = True
                self.submit(node, first=True)
                return
        yield from self._done(node, parsed)

    def _died(self, worker: Worker) -> Iterator[Node]:
        node, used = worker.node, worker.served
        words = self._dropped(worker)
        if node is None:
            return
        if used:
            node.fresh_only = True
            self.submit(node, first=True)
            return
        node.words = words or _ending(worker.process.returncode)
        log.warning("The process that was at %s ended: %s", node.task.name, node.words)
        out_of_memory = words.startswith(("MemoryError", "std::bad_alloc", "memory allocation"))
        yield from self._done(node, Parsed(reason=MEMORY_REASON if out_of_memory else CRASH_REASON))

    def _done(self, node: Node | None, parsed: Parsed) -> Iterator[Node]:
        if node is not None:
            node.parsed = parsed
            yield node

    def _idle(self) -> Worker | None:
        free = next((worker for worker in self.workers if worker.node is None), None)
        return free or (self._started() if len(self.workers) < self.most else None)

    def _started(self) -> Worker:
        worker = Worker(self.limits, self.pieces)
        self.workers.append(worker)
        self.selector.register(worker.process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]
        return worker

    def _dropped(self, worker: Worker) -> str:
        self.selector.unregister(worker.process.stdout)  # type: ignore[arg-type]
        self.workers.remove(worker)
        return worker.end()

    def _replaced(self, worker: Worker) -> Worker:
        self._dropped(worker)
        return self._started()
