"""Dialogues that stand in one cell of a table: as JSON, as Python writes a list, or as numpy does."""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from preparation.readers import Member, shapes
from records import Drop, Row

LONGEST = 1 << 20  # characters of a cell
HEAD = 2000  # of them, in which somebody speaks
SPEAKS = re.compile(r"""["'](?:role|from|speaker)["']\s*:""")
SPLIT = re.compile(r"\}\s*\n?\s*\{(?=\s*['\"])")
DTYPE = re.compile(r"^array\((.*?)(?:,\s*dtype=\w+)?\)$", re.DOTALL)


def unpacked(items: Iterable[Row | Drop | Member]) -> Iterator[Row | Drop | Member]:
    for item in items:
        if isinstance(item, Row) and item.fields and (value := _dialogue(item.fields)):
            yield shapes.row(item.source, value, True)
        else:
            yield item


def _dialogue(fields: dict[str, str]) -> dict[str, Any] | None:
    for name, cell in fields.items():
        if not cell.startswith(("[", "{", "array(")) or not SPEAKS.search(cell, 0, HEAD):
            continue
        said = shapes.turns(_value(cell))
        if said:
            beside = {key: text for key, text in fields.items() if key in shapes.SYSTEM and key != name}
            return {**beside, "messages": list(said)}
    return None


def _value(cell: str) -> Any:
    if len(cell) > LONGEST:
        return None
    bare = match[1] if (match := DTYPE.match(cell)) else cell
    # numpy parts what a list holds by lines
    for read, text in (
        (json.loads, cell),
        (ast.literal_eval, bare),
        (ast.literal_eval, SPLIT.sub("}, {", bare)),
    ):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
    return None
