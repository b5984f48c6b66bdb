"""Jupyter notebooks: Markdown as it is, code fenced by its language, what it printed if that is short."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preparation.readers import Unreadable, undamaged
from preparation.readers.document import fenced
from preparation.readers.encoding import read_text
from preparation.readers.markdown import rows
from records import Drop, Row, Source

LARGEST = 1 << 27  # bytes; most of a larger one are pictures
LONGEST_OUTPUT = 1000


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 128 MB that a notebook may have", "clear its outputs")
    with undamaged("notebook"):
        notebook = json.loads(read_text(path))
        named = notebook.get("metadata", {})
        language = (
            named.get("language_info", {}).get("name")
            or named.get("kernelspec", {}).get("language")
            or "python"
        )
        # before format 4, cells lay in worksheets
        sheets = [notebook, *notebook.get("worksheets", [])]
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
        document = "\n\n".join(part for cell in cells for part in _cell(cell, str(language)))
    yield from rows(document, source, by="element")


def _cell(cell: dict[str, Any], language: str) -> Iterator[str]:
    written = _joined(cell.get("source", cell.get("input", ""))).strip("\n").rstrip()
    if not written:
        return
    kind = cell.get("cell_type")
    if kind == "heading":
        yield f"{'#' * int(cell.get('level', 1))} {written}"
    elif kind != "code":
        yield written
    else:
        magic = written.startswith(("%%bash", "%%sh", "!"))
        yield fenced(written, "bash" if magic else language)
        for output in cell.get("outputs", []):
            printed = _printed(output).strip("\n").rstrip()
            if printed and len(printed) <= LONGEST_OUTPUT:
                yield fenced(printed, "text")


def _printed(output: dict[str, Any]) -> str:
    if output.get("output_type") == "error" or output.get("name", output.get("stream")) == "stderr":
        return ""
    data = output.get("data", output)
    return _joined(data.get("text/plain") or data.get("text") or "")


def _joined(written: Any) -> str:
    return "".join(map(str, written)) if isinstance(written, list) else str(written)
