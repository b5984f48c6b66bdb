"""Work on rows, piece by piece on all cores: what comes back is what one process would have made, in order.

A piece is a file of neighbouring lines of rows, never a part of a text of several rows. What is done soon is
done here, for a process takes a while to start; the rest goes to a `Pool`, which also reads files.
"""

import os
import pickle
import re
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, Self, TypeVar

from errors import LuthierError
from preparation.parsing import Parsed, Task
from preparation.workers import Limits, Node, Pool, cores

Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)
T = TypeVar("T")

PIECE = 1 << 20  # bytes of rows
SOON = 8 << 20  # bytes of rows up to which starting processes takes longer than the work
BATCH = 1000  # rows that are handed back together
AHEAD = 3  # pieces of each process that wait, or whose turn it is not yet
PATIENT = Limits(seconds=900, whole=3600, memory=0)
WORK = "work"
LEFT_OUT, SETTLED = b"!", b"="  # before a line: a drop; a row whose speakers are known
SOURCE = re.compile(rb'[!=]?\{"source":\{"uri":"((?:[^"\\]|\\.)*)"')
UNTEXT = (b'"fields":{', b'"messages":[')  # as no text can hold them: quotes in it are escaped


class Work(Protocol[Made_co]):
    """What is done with the lines of rows; it and what it makes are pickled on their way. It makes one after
    the other, so that no more than some rows are held at a time."""

    def __call__(self, lines: Iterable[bytes]) -> Iterator[Made_co]: ...


def batched(things: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    left = iter(things)
    while batch := list(islice(left, size)):
        yield batch


class Processes:
    """As many as there are cores, or `most`, for works that follow one another; started when first needed."""

    def __init__(self, most: int | None = None):
        self.most = most or cores()
        self._open = ExitStack()
        self._folder = ""
        self._pool: Pool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.end()

    def end(self) -> None:
        """Before work of this process that needs the memory."""
        self._open.close()

    def mapped(self, work: Work[Made], lines: Iterable[bytes]) -> Iterator[Made]:
        """What `work` makes of each piece of `lines`, in order; ask for all of it before the next work.
        Raises what it raises, and LuthierError where two processes end over one piece."""
        left = iter(lines)
        first = list(_until(left, SOON))
        following = next(left, None)
        if following is None or self.most == 1:
            yield from work(chain(first, [following] if following else [], left))
            return
        if self._pool is None:
            self._folder = self._open.enter_context(tempfile.TemporaryDirectory(prefix="luthier-"))
            self._pool = self._open.enter_context(Pool(self.most, PATIENT, pieces=True))
        folder = tempfile.mkdtemp(dir=self._folder)
        Path(folder, WORK).write_bytes(pickle.dumps(work))
        yield from _Mapping[Made](self._pool, folder).over(chain(first, [following], left))


def is_text(line: bytes) -> bool:
    """Whether a row is no record and no conversation."""
    return not any(mark in line for mark in UNTEXT)


def _until(lines: Iterator[bytes], size: int) -> Iterator[bytes]:
    for line in lines:
        yield line
        size -= len(line)
        if size <= 0:
            return


def pieces(lines: Iterable[bytes], folder: str) -> Iterator[str]:
    """Paths of files with the lines; the rows of a text stay together, whatever their length."""
    path, file, size = "", None, 0
    of, has_text = b"", False
    for line in lines:
        found = SOURCE.match(line)
        uri = found[1] if found else b""
        # what follows no text of its own document could be the first that is looked at
        may_begin = uri != of or not has_text
        has_text = (has_text and uri == of) or is_text(line)
        of = uri
        if file and size >= PIECE and may_begin:
            file.close()
            yield path
            file = None
        if file is None:
            handle, path = tempfile.mkstemp(dir=folder)
            file, size = os.fdopen(handle, "wb"), 0
        file.write(line)
        size += len(line)
    if file:
        file.close()
        yield path


class _Mapping(Generic[Made]):
    def __init__(self, pool: Pool, folder: str):
        self.pool = pool
        self.folder = folder

    def over(self, lines: Iterable[bytes]) -> Iterator[Made]:
        begun: deque[Node] = deque()
        for number, path in enumerate(pieces(lines, self.folder)):
            begun.append(Node(Task(path, f"piece {number}", self.folder, number), None))
            self.pool.submit(begun[-1])
            self._advance(0)
            while len(begun) > AHEAD * self.pool.most or (begun and begun[0].parsed):
                yield from self._made(begun.popleft())
        while begun:
            yield from self._made(begun.popleft())

    def _made(self, node: Node) -> Iterator[Made]:
        while not node.parsed:
            self._advance()
        if node.parsed.reason:
            why = (node.words or node.parsed.reason).rstrip(".")
            raise LuthierError(
                f"A process that prepared the rows ended, and so did the one after it: {why}.",
                "See what takes the memory of this machine, or who ends its processes; then run it again.",
            )
        with open(node.parsed.rows, "rb") as file:
            for made in _unpickled(file):
                self._advance(0)
                yield made
        os.unlink(node.parsed.rows)
        os.unlink(node.task.path)

    def _advance(self, seconds: float = 1.0) -> None:
        for node in self.pool.step(seconds):
            if node.parsed and node.parsed.reason and not node.fresh_only:
                # a process may be killed by whoever needs memory: another one has the last word
                node.parsed, node.fresh_only = None, True
                self.pool.submit(node, first=True)


def _unpickled(file: BinaryIO) -> Iterator[Any]:
    while True:
        try:
            made = pickle.load(file)
        except EOFError:
            return
        if isinstance(made, LuthierError):
            raise made
        yield made


def worked(task: Task, getting_on: Callable[[], None]) -> Parsed:
    """The other end: what a process does with a piece, by the work that lies beside it."""
    work = _work(os.path.join(task.folder, WORK))
    path = os.path.join(task.folder, f"{task.number}.made")
    with open(task.path, "rb") as file, open(path, "wb") as out:
        try:
            for made in work(file):
                pickle.dump(made, out, pickle.HIGHEST_PROTOCOL)
                getting_on()
        except LuthierError as error:
            pickle.dump(error, out)
    return Parsed(rows=path)


@lru_cache(1)
def _work(place: str) -> Work[object]:
    work: Work[object] = pickle.loads(Path(place).read_bytes())
    return work
