"""Parquet and Arrow, streamed in batches by pyarrow: each row is a record, a dialogue where it holds one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preparation.readers import Unreadable, lacking, shapes, undamaged
from records import Drop, Row, Source

BATCH = 1000


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    try:
        import pyarrow
    except ImportError:
        raise lacking("Parquet and Arrow", "parquet") from None
    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    found = (
        shapes.Found(Source(uri=source.uri, row=number), _bare(record))
        for number, record in enumerate(_records(path), 1)
    )
    with undamaged("Parquet or Arrow file"):
        yield from shapes.rows(found)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow
    from pyarrow import ipc, parquet

    with open(path, "rb") as file:
        magic = file.read(6)
    if magic[:4] == b"PAR1":
        with parquet.ParquetFile(path) as table:
            for batch in table.iter_batches(BATCH, use_threads=False):
                yield from batch.to_pylist()
    elif magic == b"ARROW1":
        with ipc.open_file(pyarrow.memory_map(str(path))) as table:
            for at in range(table.num_record_batches):
                batch = table.get_batch(at)
                for start in range(0, batch.num_rows, BATCH):
                    yield from batch.slice(start, BATCH).to_pylist()
    else:
        raise Unreadable("It is neither Parquet nor an Arrow file", "export it as JSONL or CSV")


def _bare(value: Any) -> Any:
    """Without bytes, which are pictures, and with dates and the like as text."""
    if isinstance(value, dict):
        return {str(key): _bare(below) for key, below in value.items() if not _is_bytes(below)}
    if isinstance(value, (list, tuple)):
        return [_bare(below) for below in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _is_bytes(value: Any) -> bool:
    return isinstance(value, (bytes, bytearray))
