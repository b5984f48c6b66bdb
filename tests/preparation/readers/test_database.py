import json
import sqlite3
from pathlib import Path

import pytest

from preparation.readers import Unreadable


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as made:
        made.execute('CREATE TABLE "faq/old" (id INTEGER, question TEXT, picture BLOB, answer TEXT)')
        rows = [(n, f"Why {n}?", b"\0", "So.") for n in (1, 2)]
        made.executemany('INSERT INTO "faq/old" VALUES (?, ?, ?, ?)', rows)
        made.execute("CREATE TABLE vacant (id INTEGER)")
        made.execute("CREATE TABLE django_migrations (app TEXT)")
        made.execute("INSERT INTO django_migrations VALUES ('web')")
        made.execute('CREATE VIEW broken AS SELECT * FROM "faq/old"')
        made.execute("CREATE VIRTUAL TABLE found USING fts5(words)")
        made.execute("INSERT INTO found VALUES ('one')")
    made.close()
    return path


def test_each_table_with_rows_is_a_source_of_its_own(read, database: Path) -> None:
    ((name, content),) = read("app.db", database.read_bytes())
    assert name == "faq_old.jsonl"
    assert [json.loads(line) for line in content.splitlines()] == [
        {"id": n, "question": f"Why {n}?", "answer": "So."} for n in (1, 2)
    ]


def test_a_database_by_any_name_is_known(read, database: Path) -> None:
    assert len(read("app.backup", database.read_bytes())) == 1


def test_a_damaged_database_is_told(read, database: Path) -> None:
    with pytest.raises(Unreadable, match="database is damaged"):
        read("app.sqlite", database.read_bytes()[:100] + b"\xff" * 3000)
