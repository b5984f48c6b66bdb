"""The files of a dataset: train.jsonl and holdout.jsonl in canonical JSON, and lineage.jsonl beside them."""

import hashlib
import json
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from preparation import rowfile
from records import Message, Source


def canonical(value: Any) -> bytes:
    """JSON without blanks, in UTF-8, keys in the order given: one form only for the records written here."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def line_of(messages: Iterable[Message]) -> bytes:
    """`{"messages": […]}`, each message with role and content, and its weight if it has one."""
    return canonical({"messages": [message.model_dump(exclude_none=True) for message in messages]})


def seeded_key(line: bytes, seed: int) -> int:
    """A number below 2^64 by which examples are put in order: of content and seed, the same everywhere."""
    return int.from_bytes(hashlib.sha256(b"%d:" % seed + line).digest()[:8], "big")


def origin_of(sources: Sequence[Source], label: str) -> bytes:
    origin: dict[str, Any] = {"sources": [source.model_dump(exclude_none=True) for source in sources]}
    if label:
        origin["label"] = label
    return canonical(origin)


def sources_of(origin: bytes) -> list[Source]:
    return [Source.model_validate(source) for source in json.loads(origin)["sources"]]


def answer_of(line: bytes) -> str:
    return str(json.loads(line)["messages"][-1]["content"])


class Lines:
    """Examples and their origins in a temporary file, until it is known where each goes."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
        self._starts = array("Q", [0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def __len__(self) -> int:
        return (len(self._starts) - 1) // 2

    def add(self, line: bytes, origin: bytes) -> None:
        for part in (line, origin):
            self._file.write(part)
            self._starts.append(self._starts[-1] + len(part))

    def example(self, number: int) -> bytes:
        return self._part(2 * number)

    def origin(self, number: int) -> bytes:
        return self._part(2 * number + 1)

    def sources(self, number: int) -> list[Source]:
        return sources_of(self.origin(number))

    def source(self, number: int) -> Source:
        """The first one."""
        return self.sources(number)[0]

    def answer(self, number: int) -> str:
        return answer_of(self.example(number))

    def _part(self, part: int) -> bytes:
        self._file.seek(self._starts[part])
        return self._file.read(self._starts[part + 1] - self._starts[part])


def write(
    lines: Lines, train: Sequence[int], holdout: Sequence[int], kind: str, out: str | Path
) -> tuple[str, str]:
    """Write the three files into `out`; returns the SHA-256 of train.jsonl and holdout.jsonl."""
    digests = []
    with rowfile.writing(rowfile.place(out, "lineage.jsonl")) as lineage:
        for split, numbers in (("train", train), ("holdout", holdout)):
            digest = hashlib.sha256()
            with rowfile.writing(rowfile.place(out, f"{split}.jsonl")) as file:
                for line, number in enumerate(numbers, 1):
                    written = lines.example(number) + b"\n"
                    digest.update(written)
                    file.file.write(written)
                    entry = canonical({"split": split, "line": line, "kind": kind})
                    # one object of two: the origin is never empty
                    lineage.file.write(entry[:-1] + b"," + lines.origin(number)[1:] + b"\n")
            digests.append(digest.hexdigest())
    return digests[0], digests[1]
