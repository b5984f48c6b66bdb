"""A real Prefect server and real process workers, each with a home of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
START_SECONDS = 120


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of a machine whose Luthier and Prefect live in `home` and know nothing of this test's."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "LUTHIER_"))
    }
    return {
        **kept,
        "LUTHIER_HOME": str(home / "luthier"),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **more,
    }


@contextlib.contextmanager
def running(command: list[str], environ: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def prefect_server(home: Path, **more: str) -> Iterator[str]:
    """The address of its API, from the moment on that it answers."""
    port = free_port()
    environ = environment(
        home,
        PREFECT_SERVER_API_PORT=str(port),
        PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE="100",
        **more,
    )
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, environ, home / "server.log") as process:
        address = f"http://127.0.0.1:{port}/api"
        give_up = time.monotonic() + START_SECONDS
        while not answers(f"{address}/health"):
            assert process.poll() is None, (home / "server.log").read_text()[-3000:]
            assert time.monotonic() < give_up, "the server doesn't start"
            time.sleep(0.2)
        yield address


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def worker(pool: str, home: Path, api: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process worker of the pool on a machine of its own."""
    environ = environment(
        home,
        PREFECT_API_URL=api,
        PREFECT_WORKER_QUERY_SECONDS="1",
        PREFECT_WORKER_PREFETCH_SECONDS="1",
        **more,
    )
    command = [str(BIN / "prefect"), "worker", "start", "--pool", pool, "--name", home.name]
    with running(command, environ, home / "worker.log") as process:
        yield process
