"""The first step: all files there are, read into one file of rows. What can't be read is named, with why."""

import os
import tempfile
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from errors import NotConfigured
from preparation.parsing import DISK_FULL, Parsed, Task, known, parse, placed
from preparation.readers import ENDINGS, Unreadable
from preparation.readers.detection import text_format
from preparation.rowfile import Writer, place, writing
from preparation.sources import File, digest_of, downloaded, find_files, is_remote
from preparation.workers import LOOK, Limits, Node, Pool
from records import FileReport, Rows

QUICK = 1 << 24  # bytes that are digested in no time
SMALL = 1 << 16  # bytes of a plain text that is read before another process could start
FEW = 200  # files up to which that pays; of more, all cores read better
PLAIN = frozenset(("text", "jsonl", "json_document", "table", "markdown", "code", "yaml_document"))
PLAIN_ENDINGS = frozenset(ending for name in PLAIN for ending in ENDINGS[name])
AHEAD = 64  # files that are begun before the one whose turn it is


class Place(NamedTuple):
    """Where a file, or a member of one, lies and is called in reports, and whether it is held out."""

    uri: str
    name: str
    held: bool


def ingest(
    sources: Sequence[str],
    out: str | Path,
    cache: str | Path | None = None,
    *,
    held: Sequence[str] = (),
    workers: int | None = None,
    limits: Limits | None = None,
) -> Rows:
    """Read the sources into `rows.jsonl` in the folder or URI `out`, what was left out into `drops.jsonl`.

    A source is a file, a folder (all below it, hidden ones aside), a glob or an fsspec URI. The rows come by
    the name of their file, then by its content: neither the order of the sources nor where they lie changes
    them. What lies in archives and mails are files of their own, `archive.zip!/member.txt`. Files are read by
    as many processes as there are cores, or `workers`, within `limits`; a file that was read before, by its
    content, is taken from the local folder `cache`. `held` are further sources, whose files are marked so.
    Raises NotFound for a source that does not exist,
    NotConfigured or Unavailable for a remote one that can't be reached, NotConfigured where the disk is full;
    a file that can't be read is only reported.
    """
    return read_files(found(sources, out, held), out, cache, workers=workers, limits=limits)


def found(sources: Sequence[str], out: str | Path, held: Sequence[str] = ()) -> list[File]:
    """The files of the sources in the order that they are read in, but what lies in `out`."""
    folder = place(out, "rows.jsonl").rpartition("/")[0]
    files = find_files([str(source) for source in sources], folder, [str(one) for one in held])
    return sorted(files, key=lambda file: (file.name, file.uri))


def batches(files: Sequence[File], size: int) -> Iterator[list[File]]:
    """The files in lots of at least `size`, but the last. Files of one name stay together, for their order is
    that of their content: so the lots, read one by one and `joined`, are what all give in one go."""
    batch: list[File] = []
    for _, namesakes in groupby(files, key=lambda file: file.name):
        batch += namesakes
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def joined(parts: Sequence[Rows], out: str | Path) -> Rows:
    """The parts one after the other in the folder or URI `out`."""
    uri, drops_uri = place(out, "rows.jsonl"), place(out, "drops.jsonl")
    with writing(uri) as rows, writing(drops_uri) as drops:
        for part in parts:
            rows.append(part.uri)
            drops.append(part.drops_uri)
    dropped = sum((Counter(part.dropped) for part in parts), Counter())
    reports = tuple(file for part in parts for file in part.files)
    count = sum(part.count for part in parts)
    return Rows(uri=uri, drops_uri=drops_uri, count=count, files=reports, dropped=dict(dropped))


def read_files(
    files: Sequence[File],
    out: str | Path,
    cache: str | Path | None = None,
    *,
    workers: int | None = None,
    limits: Limits | None = None,
) -> Rows:
    """The same for files that were `found`."""
    uri, drops_uri = place(out, "rows.jsonl"), place(out, "drops.jsonl")
    kept = os.path.abspath(cache) if cache else ""
    with (
        tempfile.TemporaryDirectory(prefix="luthier-") as folder,
        Pool(workers, limits or Limits()) as pool,
        writing(uri) as rows,
        writing(drops_uri) as drops,
    ):
        nodes = _parsed(files, folder, kept, pool)
        reports = tuple(_written(node, rows, drops) for node in _by_content(nodes))
    return Rows(uri=uri, drops_uri=drops_uri, count=rows.count, files=reports, dropped=dict(drops.reasons))


def _parsed(files: Sequence[File], folder: str, cache: str, pool: Pool) -> Iterator[Node]:
    """The files with what came of them, by name; the members of each inside it."""
    begun: deque[Node] = deque()
    here = len(files) <= FEW
    for number, file in enumerate(files):
        node = _begun(file, folder, f"{number}", cache, pool, here)
        begun.append(node)
        _advance(pool, 0)
        while len(begun) > AHEAD or (begun and _is_done(begun[0])):
            _wait(begun[0], pool)
            yield begun.popleft()
    while begun:
        _wait(begun[0], pool)
        yield begun.popleft()


def _begun(file: File, folder: str, number: str, cache: str, pool: Pool, here: bool) -> Node:
    own = os.path.join(folder, number)
    task = Task(file.uri, file.name.rpartition("/")[2], own, 0, cache)
    node = Node(task, Place(file.uri, file.name, file.held))
    if file.fault:
        node.parsed = Parsed(reason=file.fault)
        return node
    os.mkdir(own)
    if is_remote(file.uri):
        copy = downloaded(file, Path(own, "download"))
        node.task = task._replace(path=str(copy.path), sha256=copy.sha256)
        if copy.fault:
            node.parsed = Parsed(reason=copy.fault)
            return node
    _begin(node, pool, here)
    return node


def _begin(node: Node, pool: Pool, here: bool = False, first: bool = False) -> None:
    """Take it from the cache, read it `here` if it is plain, or hand it over, as the next one if `first`."""
    if node.task.cache:
        node.task = _digested(node.task)
        node.parsed = known(node.task) if node.task.sha256 else None
    if node.parsed is None and here and _is_plain(node.task):
        node.parsed = parse(node.task)
    if node.parsed is None:
        pool.submit(node, first)


def _digested(task: Task) -> Task:
    """With its digest, unless it is so large that another process should take it."""
    with suppress(OSError):
        if not task.sha256 and os.path.getsize(task.path) <= QUICK:
            return task._replace(sha256=digest_of(Path(task.path))[0])
    return task


def _is_plain(task: Task) -> bool:
    """Whether it is small, says that it is plain text, and is: then no other process is needed to read it."""
    ending = Path(task.name).suffix.lower()
    if ending not in PLAIN_ENDINGS:
        return False
    with suppress(OSError, Unreadable):
        return os.path.getsize(task.path) <= SMALL and text_format(Path(task.path), ending) in PLAIN
    return False


def _is_done(node: Node) -> bool:
    return node.parsed is not None and all(map(_is_done, node.inner))


def _wait(node: Node, pool: Pool) -> None:
    while not _is_done(node):
        _advance(pool)


def _advance(pool: Pool, seconds: float = LOOK) -> None:
    for node in pool.step(seconds):
        node.inner = list(_members(node))
        for inner in reversed(node.inner):
            if inner.parsed is None:
                _begin(inner, pool, first=True)


def _members(node: Node) -> Iterator[Node]:
    """The files inside a file, ready to be read."""
    assert node.parsed is not None
    for number, inner in enumerate(node.parsed.inner):
        about = node.about
        place = Place(f"{about.uri}!/{inner.name}", f"{about.name}!/{inner.name}", about.held)
        task = Task(
            path=inner.path, name=inner.name.rpartition("/")[2][-200:] or "member", folder=node.task.folder,
            number=node.task.number * 100_000 + number + 1, cache=node.task.cache, depth=node.task.depth + 1,
            allowance=inner.allowance,
        )  # fmt: skip
        member = Node(task, place)
        if inner.fault:
            member.parsed = Parsed(reason=inner.fault)
        yield member


def _by_content(nodes: Iterator[Node]) -> Iterator[Node]:
    """Files of the same name by their digest; each before its members."""
    for _, namesakes in groupby(nodes, key=lambda node: node.about.name):
        for node in sorted(namesakes, key=_content):
            yield from _with_members(node)


def _content(node: Node) -> tuple[str, str]:
    return (node.parsed.sha256 if node.parsed else "", node.about.uri)


def _with_members(node: Node) -> Iterator[Node]:
    yield node
    for inner in node.inner:
        yield from _with_members(inner)


def _written(node: Node, rows: Writer, drops: Writer) -> FileReport:
    parsed, task = node.parsed, node.task
    assert parsed is not None
    if parsed.reason == DISK_FULL:
        raise NotConfigured(
            f"No space is left on the disk while {node.about.name} was read.",
            f"Make room in {tempfile.gettempdir()} and in LUTHIER_HOME, or set TMPDIR and LUTHIER_HOME to "
            "folders on a larger disk; the same command goes on.",
        )
    rows.extend(placed(parsed.rows, task.name, node.about.uri))
    drops.extend(placed(parsed.drops, task.name, node.about.uri), parsed.dropped)
    if not parsed.kept:
        for path in filter(None, (parsed.rows, parsed.drops)):
            os.unlink(path)
    if task.path.startswith(task.folder):
        with suppress(FileNotFoundError):
            os.unlink(task.path)
    return FileReport(
        uri=node.about.uri,
        name=node.about.name,
        sha256=parsed.sha256,
        bytes=parsed.bytes,
        rows=parsed.count,
        used=not parsed.reason,
        reason=parsed.reason,
        held=node.about.held,
    )
