"""A Prefect server that `luthier deploy` furnished, for machines that share a store and a registry."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any, NamedTuple

import pytest

from tests.prefect_server import BIN, ROOT, environment, prefect_server


class Furnished(NamedTuple):
    """`shared` is the environment of every machine; `told` what the webhook was sent, `mails` what came."""

    api: str
    shared: dict[str, str]
    told: list[dict[str, Any]]
    mails: Sequence[EmailMessage] = ()

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
def mailbox() -> Iterator[tuple[str, list[EmailMessage]]]:
    """The address of an SMTP server, and the mails that came."""
    mails: list[EmailMessage] = []

    class Server(StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while verb := self.rfile.readline()[:4].upper():
                self.wfile.write({b"DATA": b"354 go on\r\n"}.get(verb, b"250 well\r\n"))
                if verb == b"DATA":
                    mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                    mails.append(message_from_bytes(mail, EmailMessage, policy=policy.default))
                    self.wfile.write(b"250 kept\r\n")

    with ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        parties = "from=luthier@example.org&to=ops@example.org&mode=insecure"
        yield f"mailto://127.0.0.1:{server.server_address[1]}?{parties}", mails
        server.shutdown()


@pytest.fixture(scope="session")
def furnished(
    tmp_path_factory: pytest.TempPathFactory,
    s3: str,
    webhook: tuple[str, list[dict[str, Any]]],
    mailbox: tuple[str, list[EmailMessage]],
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
        "LUTHIER_NOTIFY": f"{webhook[0]} {mailbox[0]}",
    }
    with prefect_server(folder / "server") as api:
        made = Furnished(api, shared, webhook[1], mailbox[1])
        made.deploy(folder / "operator")
        yield made
