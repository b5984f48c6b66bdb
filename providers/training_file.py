"""The dataset's lines, and the file that a vendor is given, named by the hash of its bytes."""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import fsspec

from errors import InvalidData


class Written(NamedTuple):
    path: Path
    sha256: str
    bytes: int
    lines: int

    @property
    def name(self) -> str:
        return f"luthier-{self.sha256}.jsonl"


def lines(uri: str) -> Iterator[dict[str, Any]]:
    """The examples of a JSONL file, a local path or a URI, one at a time."""
    with fsspec.open(uri, "rt", encoding="utf-8", newline="\n") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                yield json.loads(text)
            except ValueError as error:
                raise InvalidData(
                    f"Line {number} of {uri} is no JSON: {error}.", "Prepare the dataset again."
                ) from error


@contextmanager
def written(examples: Iterable[dict[str, Any]]) -> Iterator[Written]:
    """A temporary JSONL file of the examples. Equal examples give equal bytes, hence an equal name."""
    digest, size, count = hashlib.sha256(), 0, 0
    with tempfile.TemporaryDirectory(prefix="luthier-upload-") as folder:
        path = Path(folder) / "train.jsonl"
        with path.open("wb") as file:
            for example in examples:
                text = json.dumps(example, ensure_ascii=False, separators=(",", ":")) + "\n"
                line = text.encode("utf-8", "replace")
                file.write(line)
                digest.update(line)
                size, count = size + len(line), count + 1
        yield Written(path, digest.hexdigest(), size, count)
