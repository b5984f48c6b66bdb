"""What `mysqldump`, `pg_dump`, `sqlite3 .dump` and others write: the rows that they insert, each table a
source of its own, `dump.sql!/questions.jsonl`. Nothing is carried out. SQL without rows is code."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from preparation.readers import Member, Unreadable, code, lines
from preparation.readers.encoding import read_text
from records import Drop, Row, Source

LARGEST = 1 << 27  # bytes
FEWEST = 5  # rows; fewer are an example in a program's code
NAME = r'(?:`[^`]+`|"[^"]+"|\[[^\]]+\]|\w+)'
FULL = rf"(?:{NAME}\s*\.\s*)*(?P<table>{NAME})"
LISTED = r"\((?P<{}>[^()]*)\)"
INSERT = rf"INSERT\s+(?:\w+\s+){{0,2}}?(?:INTO\s+)?{FULL}\s*(?:{LISTED.format('columns')}\s*)?VALUES\s*"
COPY = rf"COPY\s+{FULL}\s*{LISTED.format('columns')}\s+FROM\s+stdin[^;\n]*;[ \t]*\r?\n"
CREATE = rf"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{FULL}\s*\((?P<body>.{{0,50000}}?)\n?\)[^()\n]*;"
STATEMENTS = [re.compile(one, re.IGNORECASE | re.DOTALL) for one in (INSERT, COPY, CREATE)]
BEGINS = re.compile(r"^[ \t]*(?=INSERT\s|COPY\s|CREATE\s+TABLE\s)", re.IGNORECASE | re.MULTILINE)
NO_COLUMN = r"PRIMARY|UNIQUE|KEY|CONSTRAINT|FOREIGN|INDEX|CHECK|FULLTEXT"
COLUMN = re.compile(rf"^\s*(?!(?:{NO_COLUMN})\b)({NAME})\s", re.IGNORECASE)
TOKEN = re.compile(
    r"\s*(?:(?:N|E|_\w+\s+)?'(?P<text>(?:[^'\\]|\\.|'')*)'|(?P<mark>[(),;])|(?P<bare>[^\s(),;']+))", re.DOTALL
)
STANDARD = re.compile(
    r"\s*(?:(?:N|E|_\w+\s+)?'(?P<text>(?:[^']|'')*)'|(?P<mark>[(),;])|(?P<bare>[^\s(),;']+))", re.DOTALL
)
BACKSLASHED = re.compile(r"MySQL|MariaDB|`")
ESCAPE = re.compile(r"\\(.)|''", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "", "b": "", "Z": ""}
Record = dict[str, Any]


def read(path: Path, source: Source) -> Iterator[Row | Drop | Member]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 128 MB that an SQL file may have", "export its tables as CSV")
    tables = _tables(read_text(path))
    if sum(map(len, tables.values())) < FEWEST:
        yield from code.read(path, source)
        return
    with ExitStack() as files:
        for name, records in tables.items():
            stream = files.enter_context(lines.written(records))
            if stream:
                yield Member(f"{name}.jsonl", stream)


def _tables(text: str) -> dict[str, list[Record]]:
    columns: dict[str, list[str]] = {}
    found: dict[str, list[Record]] = {}
    token = TOKEN if BACKSLASHED.search(text[:5000]) else STANDARD
    at = 0
    while begun := BEGINS.search(text, at):
        insert, copy, create = (one.match(text, begun.end()) for one in STATEMENTS)
        if create:
            at = create.end()
            columns[_bare(create["table"])] = _columns(create["body"])
        elif copy:
            end = text.find("\n\\.", copy.end() - 1)
            at = end if end >= 0 else len(text)
            rows = text[copy.end() : at].split("\n")
            names = _names(copy["columns"])
            found.setdefault(_bare(copy["table"]), []).extend(
                _named(names, list(map(_copied, row.split("\t")))) for row in rows if row.strip()
            )
        elif insert:
            name = _bare(insert["table"])
            at, inserted = _values(text, insert.end(), token)
            names = _names(insert["columns"] or "") or columns.get(name, [])
            found.setdefault(name, []).extend(_named(names, row) for row in inserted)
        else:
            at = begun.end() + 1
    return found


def _names(written: str) -> list[str]:
    return [_bare(name) for name in written.split(",") if name.strip()]


def _named(names: list[str], row: list[str | None]) -> Record:
    if len(names) != len(row):
        names = [f"column_{number}" for number in range(1, len(row) + 1)]
    return dict(zip(names, row, strict=True))


def _columns(body: str) -> list[str]:
    """Each stands on a line of its own, as dumps write them, or behind a comma."""
    parts = body.split("\n") if "\n" in body.strip() else re.split(r",(?![^(]*\))", body)
    return [_bare(match[1]) for part in parts if (match := COLUMN.match(part))]


def _bare(name: str) -> str:
    return name.strip().strip('`"[]')


def _values(text: str, at: int, token: re.Pattern[str]) -> tuple[int, list[list[str | None]]]:
    """The rows of an INSERT, and where it ends. What a function gives is not known, so it is empty."""
    rows: list[list[str | None]] = []
    row: list[str | None] = []
    value: str | None = None
    depth = 0
    while match := token.match(text, at):
        at = match.end()
        mark = match["mark"]
        if mark == ";" and not depth:
            return at, rows
        if mark == "(":
            depth += 1
            value = None
            row = [] if depth == 1 else row
        elif mark == ")":
            depth -= 1
            if depth == 0:
                rows.append([*row, value])
            elif depth < 0:
                return at, rows
        elif mark == "," and depth == 1:
            row.append(value)
            value = None
        elif depth == 0 and match["bare"]:
            return at, rows  # ON CONFLICT, or the next statement where none ends with a semicolon
        elif depth == 1 and match["text"] is not None:
            value = _unescaped(match["text"], token is TOKEN)
        elif depth == 1 and match["bare"] and match["bare"].upper() not in ("NULL", "DEFAULT"):
            value = match["bare"]
    return at, rows


def _unescaped(text: str, backslashed: bool) -> str:
    if not backslashed:
        return text.replace("''", "'")
    return ESCAPE.sub(lambda match: ESCAPES.get(match[1], match[1]) if match[1] else "'", text)


def _copied(cell: str) -> str | None:
    cell = cell.rstrip("\r")
    return None if cell == "\\N" else ESCAPE.sub(lambda m: ESCAPES.get(m[1], m[1]) if m[1] else "''", cell)
