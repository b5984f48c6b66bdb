"""Records on their way to be a member: lines of JSON in a file that is gone afterwards."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

IN_MEMORY = 1 << 22  # bytes


@contextmanager
def written(records: Iterable[Any]) -> Iterator[BinaryIO | None]:
    """The lines to be read; nothing where there are no records."""
    with SpooledTemporaryFile(IN_MEMORY) as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n")
        empty = not file.tell()
        file.seek(0)
        yield None if empty else cast(BinaryIO, file)
