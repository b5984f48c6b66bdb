"""Transactions over the registry's database, and what its parts share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, or_, select
from sqlalchemy.exc import DatabaseError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.sql.elements import ColumnElement

from errors import NotConfigured, NotFound, Unavailable
from registry.engine import for_writing, open_engine, shown
from registry.schema import bring_up_to_date, revision

SCARCE_BYTES = 1 << 20  # with less, whatever fails does so for want of room
SHORTEST_PREFIX = 4  # a shorter start of an id names too much by accident


class Database:
    """What the registry's parts share. The schema is brought up to date on first use."""

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
        """All of it is written or nothing."""
        with self._faults(), for_writing(self._opened()) as connection, connection.begin():
            yield connection

    def _opened(self) -> Engine:
        with self._opening:
            if self._engine is None:
                engine = open_engine(self.url)
                bring_up_to_date(engine)
                self._engine = engine
            return self._engine

    def standing(self) -> str | None:
        """The revision of the schema as it is, without an upgrade; none for an empty database."""
        if self.url.startswith("sqlite:///") and not Path(self.url.removeprefix("sqlite:///")).exists():
            return None
        with self._faults(), open_engine(self.url).connect() as connection, connection.begin():
            return revision(connection)

    def close(self) -> None:
        """Let go of idle connections; the next transaction opens new ones."""
        with self._opening:
            if self._engine:
                self._engine.dispose()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            raise Unavailable(
                f"The registry {shown(self.url)} can't be used now: {str(error.orig).rstrip('.')}.",
                _mend(self.url),
            ) from error
        except IntegrityError:
            raise
        except DatabaseError as error:
            raise NotConfigured(
                f"The registry {shown(self.url)} can't be read: {error.orig}.",
                "Point LUTHIER_DATABASE_URL or LUTHIER_HOME at a registry of Luthier.",
            ) from error


def _mend(url: str) -> str:
    """SQLite says of a full disk that it met an I/O error."""
    folder = Path(url.removeprefix("sqlite:///")).parent
    if url.startswith("sqlite:///") and folder.is_dir() and disk_usage(folder).free < SCARCE_BYTES:
        return f"No space is left on the disk of {folder}: make room, then run it again; it goes on."
    return "Check that it can be reached and written to, then try again."


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
