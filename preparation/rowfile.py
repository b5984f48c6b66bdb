"""Files of records: JSONL of `Row`, `Drop` or `Example`, local or on any fsspec URI, streamed both ways.

Who reads the file sees all of it or none: it is written beside its place, or in a temporary file, and moved.
"""

import io
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from records import Drop, Record, Row, Source

R = TypeVar("R", bound=Record)
BUFFER = 1 << 20


def line_of(record: Record) -> bytes:
    return record.model_dump_json(exclude_defaults=True).encode() + b"\n"


def beginning(uri: str) -> bytes:
    """How the line of a row or drop of this source begins."""
    return b'{"source":' + Source(uri=uri).model_dump_json(exclude_defaults=True).encode()[:-1]


class Writer:
    """Counts what it writes; of drops also how many for each reason."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.count = 0
        self.reasons: Counter[str] = Counter()

    def write(self, record: Record) -> None:
        self.file.write(line_of(record))
        self.count += 1
        if isinstance(record, Drop):
            self.reasons[record.reason] += 1

    def append(self, uri: str) -> None:
        """Take over the lines of another file of records, uncounted: the drops of the step before."""
        with opened(uri) as earlier:
            shutil.copyfileobj(earlier, self.file, BUFFER)

    def extend(self, lines: Iterable[bytes], reasons: Mapping[str, int] | None = None) -> None:
        """Take over lines as they are; of drops how many for each reason."""
        for line in lines:
            self.file.write(line)
            self.count += 1
        self.reasons.update(reasons or {})


def place(folder: str | Path, name: str) -> str:
    """Where `name` lies in a local folder (an absolute path then) or below a URI."""
    fs, path = fsspec.url_to_fs(str(folder))
    if isinstance(fs, LocalFileSystem):
        return os.path.join(os.path.abspath(path), name)
    return f"{str(folder).rstrip('/')}/{name}"


@contextmanager
def writing(uri: str | Path) -> Iterator[Writer]:
    """A `Writer` of the file at `uri`; if the block fails, what lay there stays as it was."""
    fs, path = fsspec.url_to_fs(str(uri))
    if isinstance(fs, LocalFileSystem):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        part = f"{path}.part"
    else:
        handle, part = tempfile.mkstemp(prefix="luthier-")
        os.close(handle)
    try:
        with open(part, "wb", BUFFER) as file:
            yield Writer(file)
        if isinstance(fs, LocalFileSystem):
            os.replace(part, path)
        else:
            fs.put_file(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


@contextmanager
def opened(uri: str | Path) -> Iterator[BinaryIO]:
    """The bytes of a local or remote file, buffered: remote files read line by line are slow without."""
    with fsspec.open(str(uri), "rb") as file, io.BufferedReader(file, BUFFER) as buffered:
        yield buffered


def read(kind: type[R], uri: str | Path) -> Iterator[R]:
    with opened(uri) as file:
        for line in file:
            yield kind.model_validate_json(line)


def read_rows(uri: str | Path) -> Iterator[Row]:
    return read(Row, uri)


def read_drops(uri: str | Path) -> Iterator[Drop]:
    return read(Drop, uri)
