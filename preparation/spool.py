"""Rows on their way between two passes: a temporary file without a name, so that nothing is left behind."""

import tempfile
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Self

from records import Row


class Spool:
    """Write all rows, then read them by file or by number (from 0, in the order of writing)."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
        self._starts = array("Q")
        self._end = 0
        self._runs: dict[str, list[tuple[int, int]]] = {}
        self._uri: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def uris(self) -> list[str]:
        return list(self._runs)

    def write(self, row: Row) -> None:
        number = len(self)
        if row.source.uri != self._uri:
            self._uri = row.source.uri
            self._runs.setdefault(self._uri, []).append((number, 0))
        first, count = self._runs[self._uri][-1]
        self._runs[self._uri][-1] = (first, count + 1)
        line = row.model_dump_json(exclude_defaults=True).encode() + b"\n"
        self._file.seek(self._end)
        self._file.write(line)
        self._starts.append(self._end)
        self._end += len(line)

    def row(self, number: int) -> Row:
        self._file.seek(self._starts[number])
        return Row.model_validate_json(self._file.readline())

    def __iter__(self) -> Iterator[Row]:
        return map(self.row, range(len(self)))

    def of_files(self, uris: Iterable[str]) -> Iterator[Row]:
        """The rows of these files, one file after the other."""
        for uri in uris:
            for first, count in self._runs.get(uri, ()):
                yield from map(self.row, range(first, first + count))
