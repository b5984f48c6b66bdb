import shutil
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from errors import NotConfigured
from registry import Registry, tables
from registry.database import open_engine
from registry.schema import HEAD, MIGRATIONS

ROOT = Path(__file__).parents[2]
# made by the code of 0.1.0 and printed by sqlite3's iterdump
WRITTEN_BY_0_1_0 = Path(__file__).parent / "data" / "registry_0_1_0.sql"
KILLED_AT_THE_END = """
import os, sys
from pathlib import Path
from sqlalchemy import Engine, event
from registry import Registry

@event.listens_for(Engine, "before_cursor_execute")
def die(connection, cursor, statement, *rest):
    if "alembic_version" in statement and statement.startswith(("INSERT", "UPDATE")):
        os.kill(os.getpid(), 9)

Registry(sys.argv[1], Path("."), "").jobs()
"""


@pytest.fixture
def old(tmp_path: Path) -> Registry:
    """A registry that 0.1.0 wrote, opened by today's code for the first time."""
    path = tmp_path / "luthier.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(WRITTEN_BY_0_1_0.read_text("utf-8"))
    connection.close()
    return Registry(f"sqlite:///{path}", tmp_path, "")


def rows(path: Path) -> dict[str, list]:
    with sqlite3.connect(path) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        kept = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}
    return {name: found for name, found in kept.items() if name not in ("luthier_schema", "alembic_version")}


def test_the_newest_migration_is_the_one_that_the_code_expects():
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_the_migrations_lead_to_the_tables_that_the_code_works_with(empty_database_url, tmp_path):
    Registry(empty_database_url, tmp_path, "").jobs()
    with open_engine(empty_database_url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_a_registry_of_0_1_0_is_upgraded_in_place_and_loses_nothing(old, tmp_path):
    before = rows(tmp_path / "luthier.db")
    assert len(before) == 13
    assert all(before.values())
    old.jobs()
    after = rows(tmp_path / "luthier.db")
    # a column that came later is the last one
    kept = {
        name: [new[: len(old)] for new, old in zip(after[name], before[name], strict=True)] for name in before
    }
    assert kept == before
    with sqlite3.connect(tmp_path / "luthier.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_what_0_1_0_wrote_is_read_and_changed(old):
    failed, succeeded = sorted(old.jobs(), key=lambda job: job.status)
    assert failed.failure.message == "Out of memory."
    assert old.submitted(succeeded.id).remote_id == "process-7"
    assert old.submitted(failed.id).claims == 1
    (model,) = old.models()
    assert old.dataset(model.dataset_id).use_case == "Route messages – schön"
    assert old.datasets_with_source("tickets.csv")[0].id == model.dataset_id
    account = old.account_by_password("robin@example.org", "a long password")
    assert old.requests_used(account.id, timedelta(days=36_500)).used == 1
    (talk,) = old.conversations("owner", model.id)
    assert old.add_turn("owner", talk.id, "user", "And now?").position == 3
    assert len(old.conversation("owner", talk.id).turns) == 3
    assert {key.name for key in old.keys("owner")} == {"notebook"}
    assert old.rename_model(model.id, "Router").display_name == "Router"


def test_a_registry_of_0_1_0_that_lacks_its_youngest_tables_gets_them(old, tmp_path):
    with sqlite3.connect(tmp_path / "luthier.db") as connection:
        connection.executescript("DROP TABLE conversation_turns; DROP TABLE conversations;")
    assert old.conversations("owner", old.models()[0].id) == []


def test_a_registry_of_a_newer_version_is_refused_by_name(registry):
    registry.jobs()
    with registry.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotConfigured, match="schema 9999") as caught:
        Registry(registry.url, registry.home, registry.store).jobs()
    assert "version of Luthier" in caught.value.hint


def test_an_upgrade_that_is_killed_leaves_the_database_as_it_was(empty_database_url, tmp_path):
    with open_engine(empty_database_url).connect():
        pass
    command = [sys.executable, "-c", KILLED_AT_THE_END, empty_database_url]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9
    with open_engine(empty_database_url).connect() as connection:
        assert inspect(connection).get_table_names() == []
    assert Registry(empty_database_url, tmp_path, "").jobs() == []


def test_processes_that_upgrade_an_old_registry_at_once_all_succeed(old):
    code = "from pathlib import Path; from registry import Registry; "
    code += f"Registry({old.url!r}, Path('.'), '').jobs()"
    running = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(4)
    ]
    assert [(made.communicate()[1].decode(), made.returncode) for made in running] == [("", 0)] * 4
    assert len(old.jobs()) == 2


def test_a_change_of_the_tables_becomes_the_next_migration(tmp_path):
    shutil.copy(ROOT / "errors.py", tmp_path)
    for part in ("records", "registry"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "registry" / "tables.py").open("a") as sink:
        sink.write('\nshelves = Table("shelves", metadata, Column("id", Integer, primary_key=True), ')
        sink.write('Column("at", Instant))\n')
    command = [sys.executable, "-m", "registry.migrations", "shelves"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (written,) = (tmp_path / "registry" / "migrations" / "versions").glob(f"{int(HEAD) + 1:04}_*.py")
    assert "sa.DateTime(timezone=True)" in written.read_text()
    assert written.read_text().count("create_table") == 1
