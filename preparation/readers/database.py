"""SQLite databases: each table is a source of its own, `app.db!/questions.jsonl`. Nothing in them is carried
out: views, triggers and virtual tables are left alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from preparation.readers import Member, Unreadable, lines
from records import Source

TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
KEPT_FOR_ITSELF = frozenset(
    (
        "alembic_version", "schema_migrations", "ar_internal_metadata", "django_migrations", "django_session",
        "django_content_type", "django_admin_log", "auth_permission",
    )
)  # fmt: skip


def read(path: Path, source: Source) -> Iterator[Member]:
    try:
        # immutable: no journal is played back and no lock taken
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            for name in _tables(database):
                with lines.written(_records(database, name)) as stream:
                    if stream:
                        yield Member(f"{name.replace('/', '_')}.jsonl", stream)
    except (sqlite3.Error, UnicodeError) as error:
        raise Unreadable("The database is damaged", "export its tables as CSV or JSONL") from error


def _tables(database: sqlite3.Connection) -> list[str]:
    """Virtual ones aside, and those that these keep their data in."""
    found = [(name, sql or "") for name, sql in database.execute(TABLES) if isinstance(name, str)]
    virtual = tuple(f"{name}_" for name, sql in found if sql.casefold().startswith("create virtual"))
    return [
        name
        for name, sql in found
        if not sql.casefold().startswith("create virtual")
        and not (virtual and name.startswith(virtual))
        and name not in KEPT_FOR_ITSELF
    ]


def _records(database: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """Without bytes, which are pictures and the like."""
    quoted = table.replace('"', '""')
    found = database.execute(f'SELECT * FROM "{quoted}"')
    names = [column[0] for column in found.description]
    for row in found:
        yield {name: value for name, value in zip(names, row, strict=True) if not isinstance(value, bytes)}
