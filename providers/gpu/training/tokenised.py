"""A file of dialogues as token ids: computed once for each content and template, then read as needed.

A retry, a resume and a second recipe on the same dataset read what the first has written; only the rows of a
step are in memory as Python numbers.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import overload

import numpy as np

from providers.gpu.jobs import messages_of
from providers.gpu.template import Template, TokenRow

FORM = "1"  # of the files below; a change makes old ones unknown


class Examples(Sequence[list[TokenRow]]):
    """The rows of each example that have something to learn. `lost`: how many examples had none.

    In the folder: `tokens` (int32) and `trained` (bool) of all rows, `rows` the length of each row, and
    `examples` the number of rows of each example of the file (int64).
    """

    def __init__(self, folder: Path):
        counts = np.fromfile(folder / "examples", np.int64)
        self.lost = int((counts == 0).sum())
        self._first = np.concatenate([[0], np.cumsum(counts[counts > 0])])
        self._start = np.concatenate([[0], np.cumsum(np.fromfile(folder / "rows", np.int64))])
        empty = self._start[-1] == 0
        self._tokens = np.empty(0, np.int32) if empty else np.memmap(folder / "tokens", np.int32, "r")
        self._trained = np.empty(0, np.bool_) if empty else np.memmap(folder / "trained", np.bool_, "r")

    def __len__(self) -> int:
        return len(self._first) - 1

    @property
    def highest(self) -> int:
        """The highest token id."""
        return int(self._tokens.max())

    @overload
    def __getitem__(self, at: int) -> list[TokenRow]: ...
    @overload
    def __getitem__(self, at: slice) -> list[list[TokenRow]]: ...
    def __getitem__(self, at: int | slice) -> list[TokenRow] | list[list[TokenRow]]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        return [self._row(number) for number in range(self._first[at], self._first[at + 1])]

    def _row(self, number: int) -> TokenRow:
        within = slice(self._start[number], self._start[number + 1])
        return TokenRow(self._tokens[within].tolist(), self._trained[within].tolist())


def tokenised(file: Path, template: Template, limit: int, cache: Path) -> Examples:
    """The examples of a JSONL file of dialogues, each row cut after `limit` tokens.

    Raises InvalidData for a dialogue that the template refuses.
    """
    folder = cache / "tokens" / _key(file, template, limit)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            _write(file, template, limit, new)
            _rename(new, folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return Examples(folder)


def _rename(new: Path, folder: Path) -> None:
    try:
        new.rename(folder)
    except OSError:
        # another process was as quick, and its files are the same
        if not folder.exists():
            raise


def _write(file: Path, template: Template, limit: int, folder: Path) -> None:
    with ExitStack() as stack:
        tokens, trained, rows, examples = (
            stack.enter_context((folder / name).open("wb"))
            for name in ("tokens", "trained", "rows", "examples")
        )
        for messages in messages_of(file):
            kept = [row for row in _cut(template.rows(messages), limit) if any(row.trained)]
            examples.write(np.int64(len(kept)).tobytes())
            for row in kept:
                tokens.write(np.asarray(row.tokens, np.int32).tobytes())
                trained.write(np.asarray(row.trained, np.bool_).tobytes())
                rows.write(np.int64(len(row.tokens)).tobytes())


def _cut(rows: Sequence[TokenRow], limit: int) -> Iterator[TokenRow]:
    return (row.cut(limit) for row in rows)


def _key(file: Path, template: Template, limit: int) -> str:
    digest = hashlib.sha256(f"{FORM} {limit}".encode())
    for path in (*sorted(template.folder.iterdir()), file):
        with path.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:32]
