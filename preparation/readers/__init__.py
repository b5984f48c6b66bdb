"""One reader a format, chosen by what a file holds; its ending only breaks a tie.

A reader is a module of this package with `read(path, source)`: it yields a `Row` or a `Drop` for each thing
it meets, always the same for the same bytes, and raises `Unreadable`, at any moment, when the whole file is
of no use: what it yielded before is then taken back. A new format is one such module and one line in
`ENDINGS`, and one in `detection.MAGIC` if its bytes tell it.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from records import Drop, Row, Source

ENDINGS = {
    "jsonl": (".jsonl", ".ndjson"),
    "json_document": (".json",),
    "table": (".csv", ".tsv", ".tab"),
    "text": (".txt", ".text", ".log", ".rst"),
    "markdown": (".md", ".markdown", ".mdown", ".mkd"),
    "pdf": (".pdf",),
}
EXCERPT = 200


class Unreadable(Exception):
    """Why a file as a whole is of no use, and what to do about it; both without a full stop."""

    def __init__(self, reason: str, hint: str = ""):
        super().__init__(reason, hint)
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.reason, self.hint))) + "."


class Reader(Protocol):
    def read(self, path: Path, source: Source) -> Iterator[Row | Drop]:
        """Rows in the order of the file, memory bounded where the format allows it."""


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    """What the local file holds. The ending is that of `source.uri`, for `path` may be a temporary copy."""
    from preparation.readers.detection import format_of

    name = format_of(path, Path(source.uri).suffix.lower())
    reader = cast(Reader, import_module(f"preparation.readers.{name}"))
    return reader.read(path, source)


def excerpt(text: str) -> str:
    """The beginning of what was left out, on one line."""
    line = " ".join(text[: 4 * EXCERPT].split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"
