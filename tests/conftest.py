"""A home of its own for every test, and one Prefect server for all that need one."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SESSION_HOME = tempfile.mkdtemp(prefix="luthier-tests-")
os.environ["LUTHIER_HOME"] = SESSION_HOME
os.environ.pop("PREFECT_API_URL", None)

from settings import quiet_dependencies, settings  # noqa: E402

quiet_dependencies(embedded=True)


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
