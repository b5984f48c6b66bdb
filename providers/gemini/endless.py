"""As `providers.endless`, for the library of Cloud Storage, which asks by requests."""

import io
import time
from http.client import HTTPResponse
from socket import socket
from typing import Any

from google.auth.credentials import Credentials
from google.auth.transport.requests import AuthorizedSession
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


def session(credentials: Credentials) -> AuthorizedSession:
    """Every answer has as long as a whole as its request allows to each byte; its head too."""
    made = AuthorizedSession(credentials)
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Adapter())
    return made


class _Timed(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, seconds: float | None):
        self.raw = raw
        self.end = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.end is not None and time.monotonic() > self.end:
            raise TimeoutError("the answer did not end in time")
        return self.raw.readinto(buffer)

    def close(self) -> None:
        self.raw.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket, *rest: Any, **named: Any):
        super().__init__(sock, *rest, **named)
        self.fp: Any = io.BufferedReader(_Timed(self.fp.detach(), sock.gettimeout()))


class _Plain(HTTPConnection):
    response_class = _Answer


class _Safe(HTTPSConnection):
    response_class = _Answer


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _Safe


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *rest: Any, **named: Any) -> None:
        super().init_poolmanager(*rest, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SafePool}

    def proxy_manager_for(self, *rest: Any, **named: Any) -> Any:
        manager = super().proxy_manager_for(*rest, **named)
        manager.pool_classes_by_scheme = self.poolmanager.pool_classes_by_scheme
        return manager
