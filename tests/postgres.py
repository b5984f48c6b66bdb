"""A real Postgres for the tests, and a database in it for each that asks."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from uuid import uuid4

import pg8000.dbapi

from registry import tables
from registry.schema import HEAD


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`: Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").is_file()), None)


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_postgres() -> Iterator[str]:
    """A server on loopback over an empty folder; yields its address without a database's name."""
    folder = binaries()
    assert folder, "Postgres is not installed: apt-get install postgresql"
    # it refuses to run as root
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="luthier-postgres-") as place:
        if user:
            shutil.chown(place, user)
        data, port = Path(place) / "data", free_port()
        made = [folder / "initdb", "--auth=trust", "--username=postgres", "--no-sync", "--pgdata", data]
        subprocess.run(made, user=user, cwd=place, check=True, capture_output=True)
        options = (
            f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={place} -c fsync=off"
        )
        control = [folder / "pg_ctl", "--pgdata", data, "--wait"]
        start = [*control, "start", "--options", options, "--log", f"{place}/log"]
        subprocess.run(start, user=user, cwd=place, check=True, stdout=subprocess.DEVNULL)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            stop = [*control, "stop", "--mode", "immediate"]
            subprocess.run(stop, user=user, cwd=place, check=True, capture_output=True)


def execute(server: str, statement: str, database: str = "postgres") -> None:
    port = int(server.rpartition(":")[2])
    connection = pg8000.dbapi.connect("postgres", host="127.0.0.1", port=port, database=database)
    try:
        connection.autocommit = True
        connection.cursor().execute(statement)
    finally:
        connection.close()


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The address of an empty database, dropped afterwards."""
    name = f"luthier_{uuid4().hex[:12]}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE template0")
    yield f"{server}/{name}"
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def emptied(server: str, database: str) -> str:
    """The address of that database without its rows: far quicker than a new one for each test."""
    left = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    left += f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"
    rows = [f"DELETE FROM {table.name}" for table in reversed(tables.metadata.sorted_tables)]
    number = f"UPDATE alembic_version SET version_num = '{HEAD}'"
    execute(server, "; ".join([left, *rows, number]), database)
    return f"{server}/{database}"
