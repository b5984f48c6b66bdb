"""JSON Lines: one record a line, streamed. Broken lines are left out; a file of mostly such is unreadable."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from preparation.readers import Unreadable, excerpt, shapes
from preparation.readers.encoding import open_text
from records import Drop, Row, Source

LONGEST_LINE = 1 << 25  # characters; a longer line is left out, so that memory stays bounded
DEEPEST = 100  # levels
BROKEN = "a line that is not valid JSON"


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    lines = broken = 0
    first = ""
    with open_text(path) as file:
        for item in shapes.rows(_found(file, source.uri)):
            lines += 1
            if isinstance(item, Drop) and item.reason == BROKEN:
                broken += 1
                first = first or f"line {item.source.line}"
            yield item
    if broken * 2 > lines:
        raise Unreadable(
            f"{broken:,} of its {lines:,} lines are not valid JSON, the first is {first}",
            "write one JSON object a line",
        )


def _found(file: TextIO, uri: str) -> Iterator[shapes.Found | Drop]:
    for number, line in _lines(file):
        place = Source(uri=uri, line=number)
        if len(line) == LONGEST_LINE:
            yield Drop(
                source=place, reason="a line of more than 32 million characters", excerpt=excerpt(line)
            )
            continue
        try:
            value = parse(line)
        except (ValueError, RecursionError):
            yield Drop(source=place, reason=BROKEN, excerpt=excerpt(line))
            continue
        if isinstance(value, list) and shapes.are_records(value):
            for element, item in enumerate(value, 1):
                yield shapes.Found(Source(uri=uri, line=number, element=element), item)
        elif isinstance(value, (dict, list, str)):
            yield shapes.Found(place, value)
        else:
            yield Drop(source=place, reason="a line that is no JSON object", excerpt=excerpt(line))


def _lines(file: TextIO) -> Iterator[tuple[int, str]]:
    """Numbered lines that hold something; of one that is too long its beginning."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and line[-1] != "\n":
            yield number, line
            while (more := file.readline(LONGEST_LINE)) and more[-1] != "\n":
                pass
        elif line := line.strip("\ufeff \t\n"):
            yield number, line


def parse(text: str) -> Any:
    """A JSON value that is not absurdly deep. Raises ValueError or RecursionError."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        # lines cut out of an array still carry its commas
        if not text.endswith(","):
            raise
        value = json.loads(text[:-1])
    if text.count("[") + text.count("{") > DEEPEST and shapes.depth(value) > DEEPEST:
        raise ValueError("nested too deeply")
    return shapes.mend(value) if "\\ud" in text or "\\uD" in text else value
