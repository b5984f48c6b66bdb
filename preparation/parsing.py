"""What one process does with one file: digest, look into the cache, read, write its rows and drops.

The rows are written with the file's own name in place of its URI, so that what is kept in the cache serves
the same content wherever it lies.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from preparation import readers
from preparation.readers import Lacking, Member, Unreadable, ocr
from preparation.rowfile import Writer, beginning
from preparation.sources import digest_of, readable, unopened
from records import Drop, Source

LIBRARIES = (
    "charset-normalizer", "docutils", "lxml", "markdown-it-py", "pypdf", "pypdfium2", "python-calamine",
    "python-oxmsg", "python-pptx", "pyyaml", "striprtf", "trafilatura",
)  # fmt: skip
DENSEST = 100  # times its size that a file may unfold to, as an archive or in rows, if above `DENSE_FROM`
DENSE_FROM = 1 << 28
LARGEST = 1 << 32  # bytes that an archive may unfold to, archives in it included
DEEPEST = 3  # archives in archives
BLOCK = 1 << 20
NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
DISK_FULL = "No space is left on the disk."  # no fault of the file, so the reading of all stops
TOO_DEEP = "It lies in more than three archives, one in the other; unpack them."
TOO_LARGE = "Its archive unfolds to more than is unpacked; unpack it and give the folder."


class Task(NamedTuple):
    """A file at `path` to read as `name`; `folder` is where what comes of it is written, as `number`."""

    path: str
    name: str
    folder: str
    number: int
    cache: str = ""
    sha256: str = ""  # if it is known
    depth: int = 0
    allowance: int = 0  # bytes that it may unfold to as an archive; 0 for a file that lies in none


class Inner(NamedTuple):
    """A file that was inside another one."""

    name: str
    path: str
    fault: str
    allowance: int


class Parsed(NamedTuple):
    """What became of a file; `rows` and `drops` are the paths of JSONL files, empty if it was of no use."""

    sha256: str = ""
    bytes: int = 0
    count: int = 0  # type: ignore[assignment]
    dropped: dict[str, int] | None = None
    rows: str = ""
    drops: str = ""
    reason: str = ""
    kept: bool = False  # its files are the cache's
    inner: tuple[Inner, ...] = ()


def parse(task: Task, getting_on: Callable[[], None] = lambda: None) -> Parsed:
    """Read one file. `getting_on` is called with every row, so that somebody can watch."""
    try:
        return _parsed(task, getting_on)
    except OSError as error:
        if error.errno in NO_SPACE:
            return Parsed(reason=DISK_FULL)
        raise


def _parsed(task: Task, getting_on: Callable[[], None]) -> Parsed:
    try:
        sha256, size = (
            (task.sha256, os.path.getsize(task.path)) if task.sha256 else digest_of(Path(task.path))
        )
    except OSError as error:
        return Parsed(reason=unopened(error))
    task = task._replace(sha256=sha256)
    if found := known(task):
        return found
    parsed, lasting = _read(task, size, getting_on)
    parsed = parsed._replace(sha256=sha256, bytes=size)
    return _keep(_entry(task), parsed) if task.cache and lasting and not parsed.inner else parsed


def known(task: Task) -> Parsed | None:
    """What the cache has of a file whose digest is known."""
    if not task.cache:
        return None
    try:
        with open(f"{_entry(task)}.json", encoding="utf-8") as file:
            return Parsed(**json.load(file))._replace(kept=True, inner=())
    except (OSError, ValueError, TypeError):
        return None


def _read(task: Task, size: int, getting_on: Callable[[], None]) -> tuple[Parsed, bool]:
    """What the file holds, and whether it would be the same elsewhere."""
    stem = os.path.join(task.folder, str(task.number))
    inner: list[Inner] = []
    unpacking = _Unpacking(task, stem, size)
    reason, lasting = "", True
    with open(f"{stem}.rows", "wb", BLOCK) as rows_file, open(f"{stem}.drops", "wb", BLOCK) as drops_file:
        rows, drops = Writer(rows_file), Writer(drops_file)
        try:
            for item in readers.read(Path(task.path), Source(uri=task.name)):
                getting_on()
                if isinstance(item, Member):
                    inner.append(unpacking.take(item))
                    continue
                (drops if isinstance(item, Drop) else rows).write(item)
                if rows.count % 1000 == 0 and rows_file.tell() > max(DENSE_FROM, DENSEST * size):
                    raise Unreadable("It unfolds to a hundred times its size", "give what matters of it")
        except (Unreadable, OSError) as error:
            if _is_full(error):
                raise
            reason = unopened(error) if isinstance(error, OSError) else str(error)
            lasting = not isinstance(error, (Lacking, OSError))
    if reason:
        os.unlink(f"{stem}.rows")
        os.unlink(f"{stem}.drops")
        return Parsed(reason=reason, inner=unpacking.shared(inner)), lasting
    if not rows.count and not inner:
        reason = _emptiness(drops.reasons)
    parsed = Parsed(
        count=rows.count, dropped=dict(drops.reasons), reason=reason, inner=unpacking.shared(inner)
    )
    return parsed._replace(rows=f"{stem}.rows", drops=f"{stem}.drops"), lasting


def _is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in NO_SPACE


def _emptiness(dropped: Counter[str]) -> str:
    """Why a file that could be read gave no row."""
    if not dropped:
        return "It holds no text."
    (reason, count), *others = dropped.most_common()
    often = f" ({count:,} times)" if count > 1 else ""
    return f"Nothing in it could be used: {reason}{often}{' and others' if others else ''}."


class _Unpacking:
    """Members written beside the rows, no more of them than the file that they lie in may unfold to."""

    def __init__(self, task: Task, stem: str, size: int):
        self.depth = task.depth
        self.folder = f"{stem}.members"
        self.left = task.allowance or min(LARGEST, max(DENSE_FROM, DENSEST * size))
        self.sizes: list[int] = []

    def take(self, member: Member) -> Inner:
        number = len(self.sizes)
        self.sizes.append(0)
        name = readable(member.name).replace("\\", "/").lstrip("/")
        if member.fault or self.depth >= DEEPEST or self.left <= 0:
            fault = member.fault or (TOO_DEEP if self.depth >= DEEPEST else TOO_LARGE)
            return Inner(name, "", fault, 0)
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, str(number))
        try:
            fault = self._write(member, path)
        except readers.MISREADS as error:
            if _is_full(error):
                raise
            fault = f"It is damaged in its archive: {error}."
        self.sizes[-1] = os.path.getsize(path) if not fault else 0
        return Inner(name, "" if fault else path, fault, 0)

    def _write(self, member: Member, path: str) -> str:
        with open(path, "wb") as file:
            while block := member.stream.read(BLOCK):
                self.left -= len(block)
                if self.left < 0:
                    file.truncate(0)
                    return TOO_LARGE
                file.write(block)
        return ""

    def shared(self, inner: list[Inner]) -> tuple[Inner, ...]:
        """What is left is what archives among the members may unfold to: by their size, but all something."""
        whole = max(1, sum(self.sizes))
        left = max(self.left, 0)
        return tuple(
            one._replace(allowance=1 + max(left * size // whole, left // len(inner)))
            for one, size in zip(inner, self.sizes, strict=True)
        )


@cache
def reader_version() -> str:
    """Changes with the code of the readers and with the libraries and programs they use."""
    digest = hashlib.sha256()
    for path in sorted(Path(readers.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            digest.update(f"{library}={version(library)}".encode())
    digest.update(str(ocr.is_ready()).encode())
    return digest.hexdigest()


def _entry(task: Task) -> str:
    """Where the cache keeps the file: by content, name and reader."""
    key = hashlib.sha256(f"{reader_version()}\n{task.sha256}\n{task.name}".encode()).hexdigest()
    return os.path.join(task.cache, key[:2], key)


def _keep(entry: str, parsed: Parsed) -> Parsed:
    """Move the rows to the cache; the summary comes last, whole, so that no half entry is ever met."""
    os.makedirs(os.path.dirname(entry), exist_ok=True)
    moved: dict[str, Any] = {}
    for name in ("rows", "drops"):
        if written := getattr(parsed, name):
            moved[name] = _moved(written, f"{entry}.{name}")
    parsed = parsed._replace(**moved, kept=True)
    handle, part = tempfile.mkstemp(dir=os.path.dirname(entry))
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(parsed._asdict(), file)
    os.replace(part, f"{entry}.json")
    return parsed


def _moved(path: str, place: str) -> str:
    part = f"{place}.{os.getpid()}.part"
    shutil.move(path, part)
    os.replace(part, place)
    return place


def placed(path: str, name: str, uri: str) -> Iterator[bytes]:
    """The lines of a file of rows or drops, with `uri` where they were written with `name`."""
    if not path:
        return
    before, after = beginning(name), beginning(uri)
    with open(path, "rb") as file:
        for line in file:
            yield after + line[len(before) :] if line.startswith(before) else line


def from_json(kind: Any, line: bytes) -> Any:
    """A `Task` or `Parsed` that came through a pipe."""
    values = json.loads(line)
    if kind is Parsed:
        values[-1] = tuple(Inner(*one) for one in values[-1])
    return kind(*values)
