"""Engines over SQLite and Postgres: the only place that knows how the two, and their drivers, differ."""

import sqlite3
import ssl
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError

from errors import NotConfigured

BUSY_SECONDS = 30
CONNECT_SECONDS = 10
POSTGRES = "postgresql+pg8000"
# by class of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
CLASSES: dict[str, type[DBAPIError]] = {
    "23": IntegrityError,
    # connection, conflict of transactions, resources, object in use, operator's intervention, system
    **dict.fromkeys(("08", "40", "53", "55", "57", "58"), OperationalError),
}


def address_of(url: str) -> URL:
    """Raises NotConfigured for what is no address of a database."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise _unusable(error) from error
    # what hosting companies hand out names no driver
    plain = parsed.drivername in ("postgres", "postgresql")
    return parsed.set(drivername=POSTGRES) if plain else parsed


def shown(url: str) -> str:
    """The address without its password."""
    return make_url(url).render_as_string() if "://" in url else url


def open_engine(url: str) -> Engine:
    """Connects to nothing yet. Raises NotConfigured for an address or a folder that can't be used."""
    address = address_of(url)
    try:
        return _sqlite(address) if address.get_backend_name() == "sqlite" else _server(address)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise _unusable(error) from error
    except OSError as error:
        raise NotConfigured(
            f"The folder of the registry can't be made: {error}.",
            "Set LUTHIER_HOME to a folder you may write to.",
        ) from error


def _unusable(error: Exception) -> NotConfigured:
    hint = "LUTHIER_DATABASE_URL is like sqlite:////path/luthier.db or postgresql://user:password@host/name."
    if isinstance(error, ModuleNotFoundError):
        hint = 'For Postgres: pip install -e ".[postgres]".'
    return NotConfigured(f"The registry's address can't be used: {str(error).splitlines()[0]}.", hint)


def _server(address: URL) -> Engine:
    options: dict[str, Any] = {}
    if address.drivername == POSTGRES:
        mode = address.query.get("sslmode")
        options = {"timeout": CONNECT_SECONDS, "ssl_context": _encryption(str(mode or ""))}
        address = address.difference_update_query(["sslmode"])
    engine = create_engine(address, pool_pre_ping=True, connect_args=options)
    if address.drivername == POSTGRES:
        event.listen(engine, "connect", _without_timeout)
        event.listen(engine, "handle_error", _classified)
        event.listen(engine, "before_cursor_execute", _without_nul, retval=True)
    return engine


def _encryption(mode: str) -> ssl.SSLContext | None:
    """libpq's `sslmode`, which pg8000 doesn't know: `require` encrypts, `verify-full` checks who answers."""
    if mode in ("", "disable", "allow", "prefer"):
        return None
    context = ssl.create_default_context()
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


def _without_timeout(connection: Any, _: object) -> None:
    """The limit is for reaching the server; a statement may wait longer for a lock."""
    connection._usock.settimeout(None)


def _without_nul(_: object, __: object, statement: str, given: Any, *___: object) -> tuple[str, Any]:
    """Postgres has no NUL in its text; the replacement character stands for it."""
    return statement, _replaced(given)


def _replaced(given: Any) -> Any:
    if isinstance(given, str):
        return given.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return type(given)(map(_replaced, given)) if isinstance(given, list | tuple) else given


def _classified(context: ExceptionContext) -> BaseException | None:
    """pg8000 raises one class for all that a server reports; the state in it tells what it was."""
    said = context.original_exception.args[0] if context.original_exception.args else None
    if not isinstance(said, dict):
        return None
    state = str(said.get("C", ""))
    # the server is going away, or has thrown the session out
    context.is_disconnect = context.is_disconnect or state.startswith(("08", "57P"))
    kind = CLASSES.get(state[:2])
    return kind(context.statement, None, Exception(said.get("M", state)), False) if kind else None


def _sqlite(address: URL) -> Engine:
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    # A connection a transaction costs a fraction of a millisecond and survives a fork.
    engine = create_engine(address, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
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


def for_writing(engine: Engine) -> Connection:
    """SQLite is locked at the start of its transactions, as upgrading a lock may fail."""
    return engine.connect().execution_options(writes=True)
