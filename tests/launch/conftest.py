"""A Prefect server that `luthier deploy` furnished, for machines that share a store and a registry."""

import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest

from tests.prefect_server import BIN, ROOT, environment, prefect_server


class Furnished(NamedTuple):
    """`shared` is the environment that every machine has; `told` collects what the webhook was sent."""

    api: str
    shared: dict[str, str]
    told: list[dict[str, Any]]

    def deploy(self, home: Path) -> dict[str, Any]:
        """What `luthier deploy --json` printed."""
        environ = environment(home, PREFECT_API_URL=self.api, **self.shared)
        command = [str(BIN / "luthier"), "deploy", "--json"]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))


@pytest.fixture(scope="session")
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a receiver, and what it was sent."""
    told: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/luthier", told
    server.shutdown()


@pytest.fixture(scope="session")
def furnished(
    tmp_path_factory: pytest.TempPathFactory, s3: str, webhook: tuple[str, list[dict[str, Any]]]
) -> Iterator[Furnished]:
    import boto3

    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    boto3.client(
        "s3",
        endpoint_url=s3,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    ).create_bucket(Bucket="luthier-shared")
    folder = tmp_path_factory.mktemp("served")
    shared = {
        **keys,
        "AWS_ENDPOINT_URL": s3,
        "LUTHIER_STORE": "s3://luthier-shared/luthier",
        "LUTHIER_DATABASE_URL": f"sqlite:///{folder / 'registry.db'}",
        "LUTHIER_NOTIFY": webhook[0],
    }
    with prefect_server(folder / "server") as api:
        made = Furnished(api, shared, webhook[1])
        made.deploy(folder / "operator")
        yield made
