"""Transactions over the registry's database, SQLite or Postgres: the only place that knows which it is."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, Select, Table, create_engine, event, inspect, or_, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.sql.elements import ColumnElement

from errors import NotConfigured, NotFound, Unavailable
from registry import tables

BUSY_SECONDS = 30
SHORTEST_PREFIX = 4  # a shorter start of an id names too much by accident


class Database:
    """What the registry's parts share. The schema is created on first use, not on construction."""

    def __init__(self, url: str, home: Path, store: str):
        self.url, self.home, self.store = url, home, store
        self._engine: Engine | None = None
        self._opening = Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._faults(), self._opened().connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """All of it is written or nothing. SQLite is locked at the start, as upgrading a lock may fail."""
        with self._faults(), _for_writing(self._opened()) as connection, connection.begin():
            yield connection

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = _engine(self.url)
                _create_schema(engine)
                self._engine = engine
            return self._engine

    @contextmanager
    def _faults(self) -> Iterator[None]:
        place = make_url(self.url).render_as_string() if "://" in self.url else self.url
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            raise Unavailable(
                f"The registry {place} can't be used now: {error.orig}.",
                "Check that it can be reached and written to, then try again.",
            ) from error
        except IntegrityError:
            raise
        except DatabaseError as error:
            raise NotConfigured(
                f"The registry {place} can't be read: {error.orig}.",
                "Point LUTHIER_DATABASE_URL or LUTHIER_HOME at a registry of Luthier.",
            ) from error


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_pre_ping=True)
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        # A connection a transaction costs a fraction of a millisecond and survives a fork.
        engine = create_engine(parsed, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
    except (ArgumentError, ModuleNotFoundError) as error:
        raise NotConfigured(
            f"The registry's address can't be used: {str(error).splitlines()[0]}.",
            "LUTHIER_DATABASE_URL is like sqlite:////path/luthier.db or postgresql+DRIVER://user@host/name; "
            "the driver is a Python package to install.",
        ) from error
    except OSError as error:
        raise NotConfigured(
            f"The folder of the registry can't be made: {error}.",
            "Set LUTHIER_HOME to a folder you may write to.",
        ) from error
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    _use_wal(connection)
    # Full, not normal: the ledger of paid jobs must survive a power cut.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _use_wal(connection: Any) -> None:
    """The switch, which is made once in a file's life, doesn't wait for a lock by itself."""
    give_up = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() == ("delete",):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _for_writing(engine: Engine) -> Connection:
    return engine.connect().execution_options(writes=True)


def _create_schema(engine: Engine) -> None:
    """Raises NotConfigured for a registry that a newer Luthier wrote. Tables that it lacks are added."""
    with engine.connect() as connection, connection.begin():
        version, complete = _version(connection)
    if version is None or (version == tables.VERSION and not complete):
        with _for_writing(engine) as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5588437)")
            version, complete = _version(connection)
            if not complete:
                tables.metadata.create_all(connection)
            if version is None:
                connection.execute(tables.schema_version.insert().values(version=tables.VERSION))
                version = tables.VERSION
    if version != tables.VERSION:
        raise NotConfigured(
            f"The registry has schema {version}, this Luthier knows schema {tables.VERSION}.",
            "Use the version of Luthier that wrote it, or another LUTHIER_HOME.",
        )


def _version(connection: Connection) -> tuple[int | None, bool]:
    """The schema's version, none for a database without it, and whether all tables are there."""
    there = set(inspect(connection).get_table_names())
    if tables.schema_version.name not in there:
        return None, False
    version = connection.execute(select(tables.schema_version.c.version)).scalar()
    return version, there >= tables.metadata.tables.keys()


def insert_missing(connection: Connection, table: Table, **values: Any) -> bool:
    """False if the key is taken. The savepoint keeps the transaction usable on Postgres."""
    try:
        with connection.begin_nested():
            connection.execute(table.insert().values(**values))
    except IntegrityError:
        return False
    return True


def put(connection: Connection, table: Table, **values: Any) -> None:
    """Insert the row, or write over the one with its key."""
    if not insert_missing(connection, table, **values):
        same_key = [column == values[column.name] for column in table.primary_key]
        connection.execute(table.update().where(*same_key).values(**values))


def record_of(
    connection: Connection,
    table: Table,
    key: str,
    *also: ColumnElement[bool],
    among: Sequence[ColumnElement[bool]] = (),
) -> str:
    """The JSON of the one record whose id is `key`, starts with it, or that one of `also` picks out.

    Raises NotFound if there is none or more than one; `among` narrows the choice.
    """
    noun = table.name.removesuffix("s")
    found = connection.execute(select(table.c.record).where(table.c.id == key, *among)).scalar()
    if found is not None:
        return str(found)
    ways = list(also)
    if len(key.rpartition("-")[2]) >= SHORTEST_PREFIX:
        # ids read `prefix-digits`; the digits alone will do
        after_dash = table.c.id.contains(f"-{key}", autoescape=True)
        ways.append(table.c.id.startswith(key, autoescape=True) if "-" in key else after_dash)
    query: Select[Any] = select(table.c.id, table.c.record).where(or_(*ways), *among).limit(4)
    rows = connection.execute(query).all() if ways else []
    if len(rows) == 1:
        return str(rows[0].record)
    if not rows:
        raise NotFound(f"There is no {noun} called '{key}'.", f"`luthier {noun}s` lists them.")
    raise NotFound(
        f"'{key}' fits more than one {noun}: {', '.join(row.id for row in rows[:3])}.",
        "Give more characters of the id.",
    )
