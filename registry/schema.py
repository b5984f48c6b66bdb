"""Brings a registry's schema up to date by alembic, on SQLite and Postgres alike.

How to change the schema: registry/migrations/__main__.py.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from errors import NotConfigured
from registry.engine import for_writing

if TYPE_CHECKING:
    from alembic.config import Config

# the newest file of migrations/versions; a constant, so that alembic loads only where there is work
HEAD = "0004"
MIGRATIONS = Path(__file__).parent / "migrations"
POSTGRES_LOCK = 5588437


def bring_up_to_date(engine: Engine) -> None:
    """Create or upgrade the schema, all of it or nothing; of processes that start at once, one does.

    Raises NotConfigured for a registry that a newer Luthier wrote.
    """
    with engine.connect() as connection, connection.begin():
        found = revision(connection)
    if found == HEAD:
        return
    with for_writing(engine) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({POSTGRES_LOCK})")
        found = revision(connection)
        if found != HEAD:
            _upgrade(connection, found)


def revision(connection: Connection) -> str | None:
    """Where the schema stands; none for an empty database and for one from before there were revisions."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def configuration(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _upgrade(connection: Connection, found: str | None) -> None:
    from alembic.command import upgrade
    from alembic.script import ScriptDirectory

    config = configuration(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found and found not in known:
        raise NotConfigured(
            f"The registry has schema {found}, this Luthier knows schema {HEAD}.",
            "Use the version of Luthier that wrote it, or another LUTHIER_HOME.",
        )
    upgrade(config, HEAD)
