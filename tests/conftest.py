"""A home of its own for every test, and one Prefect server for all that need one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest

SESSION_HOME = tempfile.mkdtemp(prefix="luthier-tests-")
os.environ["LUTHIER_HOME"] = SESSION_HOME
os.environ.pop("PREFECT_API_URL", None)

from settings import quiet_dependencies, settings  # noqa: E402

quiet_dependencies(embedded=True)
hypothesis.settings.register_profile("deep", max_examples=2_500, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database", choices=["sqlite", "postgres"], default="sqlite", help="what the registry is kept in"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On Postgres, only what keeps its state there: the rest would be tested as before."""
    if config.getoption("--database") == "sqlite":
        return
    there = {"database_url", "empty_database_url"}
    kept = [item for item in items if there & set(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A Postgres of this session's; its address without a database's name."""
    from tests.postgres import running_postgres

    with running_postgres() as address:
        yield address


@pytest.fixture(scope="session")
def made_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite registry that has the tables already; copying it is quicker than the migrations."""
    from registry import Registry

    path = tmp_path_factory.mktemp("registry") / "luthier.db"
    made = Registry(f"sqlite:///{path}", path.parent, "")
    made.jobs()
    made.close()
    return path


@pytest.fixture(scope="session")
def up_to_date(postgres: str) -> str:
    """The name of a database that has the tables already."""
    from registry import Registry
    from tests.postgres import execute

    execute(postgres, "CREATE DATABASE up_to_date")
    made = Registry(f"{postgres}/up_to_date", Path("/"), "")
    made.jobs()
    made.close()
    return "up_to_date"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without rows for a registry: SQLite, or what --database says."""
    if request.config.getoption("--database") == "sqlite":
        copy = tmp_path / "home" / "luthier.db"
        copy.parent.mkdir()
        shutil.copy(request.getfixturevalue("made_before"), copy)
        yield f"sqlite:///{copy}"
        return
    from tests.postgres import emptied

    yield emptied(request.getfixturevalue("postgres"), request.getfixturevalue("up_to_date"))


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Like `database_url`, without the tables."""
    if request.config.getoption("--database") == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'luthier.db'}"
        return
    from tests.postgres import new_database

    with new_database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """LUTHIER_HOME of this test alone."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LUTHIER_HOME", str(folder))
    settings.cache_clear()
    yield folder
    settings.cache_clear()


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A real Prefect server with a database of its own."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    # a sync flow joins its heartbeat thread, which sleeps in whole seconds
    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny Qwen3 with random weights."""
    from tests.tiny_bases import make_base

    return str(make_base(tmp_path_factory.mktemp("tiny") / "qwen3", "qwen3"))


@pytest.fixture(scope="session")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of sixty parcels with one of four depots each."""
    goods = {"north": "harbour town", "south": "orange market", "east": "eastern mill", "west": "river bank"}
    states = [
        "red",
        "blue",
        "old",
        "new",
        "heavy",
        "light",
        "small",
        "large",
        "broken",
        "wet",
        "dry",
        "sealed",
        "open",
        "late",
        "early",
    ]
    lines = [
        f"{state} {thing} number {10 + i} for the {place},{depot}"
        for i, state in enumerate(states)
        for thing, (depot, place) in zip(("crate", "box", "letter", "bag"), goods.items(), strict=True)
    ]
    path = tmp_path_factory.mktemp("parcels") / "parcels.csv"
    path.write_text("parcel,depot\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """A real S3 on loopback; returns its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of an empty bucket, with the environment that leads there."""
    import s3fs

    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {"AWS_ENDPOINT_URL": s3, **keys}.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"models-{uuid4().hex[:8]}"
    s3fs.S3FileSystem().mkdir(name)
    yield f"s3://{name}"
    s3fs.S3FileSystem.clear_instance_cache()
