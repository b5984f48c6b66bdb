"""Rows on their way between two passes: a temporary file without a name, so that nothing is left behind."""

import tempfile
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Self

from preparation.rowfile import beginning
from records import Row


class Spool:
    """Write all rows, then read them by file or by number (from 0, in the order of writing)."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
        self._starts = array("Q")
        self._end = 0
        self._runs: dict[str, list[list[int]]] = {}  # of a file: first number and count of rows
        self._run: list[int] = []
        self._beginning = b""
        self._was_read = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def uris(self) -> list[str]:
        return list(self._runs)

    def write(self, line: bytes) -> None:
        """One row as it is written."""
        if not self._beginning or not line.startswith(self._beginning):
            uri = Row.model_validate_json(line).source.uri
            self._beginning = beginning(uri)
            self._run = [len(self), 0]
            self._runs.setdefault(uri, []).append(self._run)
        self._run[1] += 1
        if self._was_read:
            self._file.seek(self._end)
            self._was_read = False
        self._file.write(line)
        self._starts.append(self._end)
        self._end += len(line)

    def line(self, number: int) -> bytes:
        self._was_read = True
        self._file.seek(self._starts[number])
        return self._file.readline()

    def row(self, number: int) -> Row:
        return Row.model_validate_json(self.line(number))

    def of_files(self, uris: Iterable[str]) -> Iterator[bytes]:
        """The rows of these files, one file after the other. Read them all before anything else."""
        self._was_read = True
        for uri in uris:
            for first, count in self._runs.get(uri, ()):
                self._file.seek(self._starts[first])
                yield from islice(self._file, count)
