"""One reader a format, chosen by what a file holds; its ending only breaks a tie.

A reader is a module of this package with `read(path, source)`: it yields a `Row`, a `Drop` or a `Member` for
each thing it meets, always the same for the same bytes, and raises `Unreadable`, at any moment, when the
whole file is of no use: what it yielded before is then taken back. A new format is one such module and one
line in `ENDINGS`, and one in `detection.MAGIC` if its bytes tell it.
"""

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, cast

from records import Drop, Row, Source

ENDINGS = {
    "jsonl": (".jsonl", ".ndjson"),
    "json_document": (".json",),
    "table": (".csv", ".tsv", ".tab"),
    "text": (".txt", ".text", ".log"),
    "fasttext": (".fasttext", ".ft"),
    "subtitles": (".vtt", ".srt"),
    "markdown": (".md", ".markdown", ".mdown", ".mkd"),
    "pdf": (".pdf",),
    "word": (".docx", ".docm", ".dotx"),
    "slides": (".pptx", ".pptm", ".ppsx"),
    "workbook": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    "opendocument": (".odt", ".ott", ".odp"),
    "rtf": (".rtf",),
    "epub": (".epub",),
    "html": (".html", ".htm", ".xhtml"),
    "xml": (".xml",),
    "mail": (".eml", ".mht", ".mhtml"),
    "mailbox": (".mbox",),
    "outlook": (".msg",),
    "restructured": (".rst", ".rest"),
    "org": (".org",),
    "notebook": (".ipynb",),
    "yaml_document": (".yaml", ".yml"),
    "database": (".sqlite", ".sqlite3", ".db", ".db3"),
    "sql_dump": (".sql",),
    "columns": (".parquet", ".arrow", ".feather"),
    "picture": (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"),
    "archive": (".zip", ".tar", ".tgz", ".gz", ".bz2", ".tbz2", ".xz", ".txz"),
    "code": (
        ".py", ".pyi", ".js", ".mjs", ".jsx", ".ts", ".tsx", ".java", ".kt", ".scala", ".go", ".rs", ".c",
        ".h", ".cc", ".cpp", ".hpp", ".cs", ".swift", ".m", ".rb", ".php", ".pl", ".lua", ".r", ".jl", ".ex",
        ".exs", ".erl", ".hs", ".ml", ".clj", ".dart", ".sh", ".bash", ".zsh", ".ps1", ".bat", ".css",
        ".scss", ".vue", ".svelte", ".toml", ".ini", ".cfg", ".conf", ".proto", ".graphql",
        ".tf", ".cmake", ".gradle", ".tex",
    ),
}  # fmt: skip
EXCERPT = 200
MISREADS = (  # what libraries are known to raise over broken files
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, NotImplementedError, OSError,
    RecursionError, RuntimeError, SyntaxError, TypeError, ValueError, lzma.LZMAError, struct.error,
    tarfile.TarError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class Unreadable(Exception):
    """Why a file as a whole is of no use, and what to do about it; both without a full stop."""

    def __init__(self, reason: str, hint: str = ""):
        super().__init__(reason, hint)
        self.reason = reason
        self.hint = hint

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.reason, self.hint))) + "."


class Lacking(Unreadable):
    """The file may be fine, but this installation lacks what reads it."""


class Member(NamedTuple):
    """A file inside a file: read `stream` before the next item is asked for."""

    name: str
    stream: BinaryIO
    fault: str = ""


class Reader(Protocol):
    def read(self, path: Path, source: Source) -> Iterator[Row | Drop | Member]:
        """Rows in the order of the file, memory bounded where the format allows it."""


def read(path: Path, source: Source) -> Iterator[Row | Drop | Member]:
    """What the local file holds. The ending is that of `source.uri`, for `path` may be a temporary copy."""
    from preparation.readers.chat_table import grouped
    from preparation.readers.detection import format_of
    from preparation.readers.packed import unpacked

    name = format_of(path, Path(source.uri).suffix.lower())
    reader = cast(Reader, import_module(f"preparation.readers.{name}"))
    return grouped(unpacked(reader.read(path, source)))


def excerpt(text: str) -> str:
    """The beginning of what was left out, on one line."""
    line = " ".join(text[: 4 * EXCERPT].split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


@contextmanager
def undamaged(what: str) -> Iterator[None]:
    """Whatever a library raises over a broken file is Unreadable: "The `what` is damaged"."""
    try:
        yield
    except MISREADS as error:
        raise Unreadable(f"The {what} is damaged", "open it in its program and save it anew") from error


def lacking(what: str, extra: str) -> Lacking:
    return Lacking(f"Reading {what} needs a library that is not installed", f"pip install -e '.[{extra}]'")
