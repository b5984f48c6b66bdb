"""A JSON file: records where it holds lists of them, otherwise the text in its nested structure."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preparation.readers import Unreadable, chat_export, outline, shapes, squad
from preparation.readers.chat_lists import slack_lists
from preparation.readers.encoding import read_text
from records import Drop, Row, Source

LARGEST = 1 << 29  # bytes; parsed, such a file takes several times as much memory
QUESTIONS = 0.8  # share of an object's keys that makes them questions
DEEPEST = 6  # levels of objects that a list of records may lie under
BETWEEN = " \t\r\n,\x1e"


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 512 MB that a JSON file may have", "write it as JSON Lines")
    try:
        document = _parsed(read_text(path).strip("\ufeff \t\r\n"))
        if lists := slack_lists(document, source):
            yield from lists
            return
        if chats := chat_export.found(document):
            yield from chat_export.chat_rows(chats, source)
            return
        found = records(document)
        if found is None:
            yield from outline.rows(document, source.uri)
        else:
            numbered = enumerate(found, 1)
            places = ((Source(uri=source.uri, element=number), item) for number, item in numbered)
            yield from shapes.rows(shapes.Found(*place) for place in places)
    except RecursionError:
        raise Unreadable("It is nested too deeply", "write it as JSON Lines") from None


def _parsed(text: str) -> Any:
    """The JSON value, or the list of them where several follow one another."""
    decoder = json.JSONDecoder()
    values = []
    end = 0
    try:
        while end < len(text):
            value, end = decoder.raw_decode(text, end)
            values.append(value)
            while end < len(text) and text[end] in BETWEEN:
                end += 1
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"It is not valid JSON: {error.msg}, line {error.lineno}", "correct it there"
        ) from None
    except ValueError:
        raise Unreadable("It holds a number that is too long to be one", "put it in quotes") from None
    value = values[0] if len(values) == 1 else values
    return shapes.mend(value) if "\\ud" in text or "\\uD" in text else value


def records(value: Any) -> list[Any] | None:
    """The records that the document is made of; None if it is none of records."""
    if shapes.turns(value) is not None:
        return [value]
    if isinstance(value, list):
        return value if _is_table(value) else None
    if not isinstance(value, dict):
        return None
    if found := squad.questions(value) or asked(value):
        return found
    if rows := _columns(value) or _entries(value):
        return rows
    lists = list(_lists(value, 0))
    if not lists:
        flat = not any(isinstance(below, dict) for below in value.values())
        return [value] if flat and not outline.is_section(value) and not outline.is_document(value) else None
    longest = max(lists, key=len)
    records = [item for rows in lists if _keys(rows) == _keys(longest) for item in rows]
    return records if 2 * _volume(records) > _volume(value) else None


def asked(value: Any) -> list[Any]:
    """Records of the questions that are the keys of an object, or of those in it."""
    if not isinstance(value, dict):
        return []
    below = [pair for inner in value.values() for pair in asked(inner)]
    own = [(str(key), said) for key, said in value.items() if isinstance(said, str) and said.strip()]
    asking = sum(key.rstrip().endswith(("?", "？")) for key, _ in own)
    if not own or asking < QUESTIONS * len(own):
        return below
    return [{"question": key, "answer": said} for key, said in own] + below


def _is_table(values: list[Any]) -> bool:
    """Whether a list holds records throughout: objects, dialogues, texts, or rows of as many cells."""
    if not values:
        return False
    if all(isinstance(item, dict) for item in values):
        return not any(outline.is_document(item) for item in values)
    if all(isinstance(item, str) or shapes.turns(item) is not None for item in values):
        return True
    return all(isinstance(item, list) and len(item) == len(values[0]) > 1 for item in values)


def _columns(value: dict[str, Any]) -> list[Any]:
    """The rows of a table that is written column by column, as data frames are."""
    columns = list(value.values())
    if len(columns) > 1 and all(isinstance(column, dict) for column in columns):
        if not all(column and all(key.isdigit() for key in column) for column in columns):
            return []
        columns = [list(column.values()) for column in columns]
    if len(columns) < 2 or not all(isinstance(column, list) for column in columns):
        return []
    if not len(columns[0]) > 1 or len(set(map(len, columns))) > 1:
        return []
    if any(isinstance(cell, (dict, list)) for column in columns for cell in column):
        return []
    return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _entries(value: dict[str, Any]) -> list[Any]:
    """The records of an object that has one under each of its keys, all alike."""
    entries = list(value.values())
    if len(entries) < 2 or not all(isinstance(entry, dict) and len(entry) > 1 for entry in entries):
        return []
    alike = all(entry.keys() == entries[0].keys() for entry in entries)
    return entries if alike and not any(map(outline.is_document, entries)) else []


def _lists(value: dict[str, Any], depth: int) -> Iterator[list[Any]]:
    """The lists of records in an object, those inside other records aside."""
    if depth > DEEPEST or outline.is_document(value):
        return
    for below in value.values():
        if isinstance(below, dict):
            yield from _lists(below, depth + 1)
        elif (
            isinstance(below, list)
            and any(isinstance(item, (dict, list)) for item in below)
            and _is_table(below)
        ):
            yield below


def _keys(values: list[Any]) -> frozenset[str]:
    return frozenset(values[0]) if isinstance(values[0], dict) else frozenset()


def _volume(value: Any) -> int:
    """Characters in all of its strings."""
    if isinstance(value, dict):
        value = list(value.values())
    return (
        sum(map(_volume, value)) if isinstance(value, list) else len(value) if isinstance(value, str) else 0
    )
