"""What every request passes: its id, host and origin, the size of its body; and the headers of the answer.

Plain ASGI, so that streams stay streams and a client that goes away is noticed.
"""

import json
import re
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.faults import envelope
from web.headers import HEADERS

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REQUEST_ID = re.compile(r"[\w\-]{1,64}\Z")
JSON_BYTES = 8 << 20
FORM_BYTES = 1 << 20
NOTICE_BYTES = 64 << 10
# what a multipart body adds to its file
WRAPPING = 64 << 10
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


class TooLarge(HTTPException):
    """The body passed its limit while it was read."""

    def __init__(self, limit: int):
        super().__init__(413, too_large(limit))


def too_large(limit: int) -> str:
    return f"The body is larger than {limit} bytes."


class Guard:
    """`hosts` are the names it answers to; none: any. `upload_paths` may take a body of `upload_bytes`."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: frozenset[str] | None,
        upload_bytes: int,
        upload_paths: tuple[str, ...],
    ):
        self.app, self.hosts = app, hosts
        self.upload_bytes, self.upload_paths = upload_bytes, upload_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.match(given) else f"req_{uuid4().hex}"
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id, scope["path"], empty=scope["method"] == "HEAD")
        limit = self._limit(scope, headers)
        fault = self._fault(scope, headers, limit)
        if fault:
            await answer.refuse(*fault)
        else:
            await self.app(_as_get(scope), _counted(receive, limit), answer)

    def _limit(self, scope: Scope, headers: Headers) -> int:
        if scope["path"].startswith(self.upload_paths):
            return self.upload_bytes + WRAPPING
        if scope["path"].startswith("/webhooks/"):
            return NOTICE_BYTES
        return JSON_BYTES if scope["path"].startswith("/v1/") else FORM_BYTES

    def _fault(self, scope: Scope, headers: Headers, limit: int) -> tuple[int, str, str] | None:
        host = headers.get("host", "")
        if self.hosts is not None and _name(host) not in self.hosts:
            # a foreign page whose name was pointed at this machine
            return 403, f"This server does not answer as '{host}'.", "unknown_host"
        if not scope["path"].startswith("/v1/") and is_cross_site(scope["method"], headers):
            return 403, "The request came from another site.", "cross_site"
        length = headers.get("content-length", "0")
        if not length.isdigit():
            return 400, "The body's length is not a number.", "invalid_length"
        if int(length) > limit:
            return 413, too_large(limit), "body_too_large"
        return None


def is_cross_site(method: str, headers: Headers) -> bool:
    """A change that another site's page asks a browser for. Programs send neither header and no cookie.

    The rule of Go's http.CrossOriginProtection and of datasette's csrf.py.
    """
    if method in SAFE_METHODS:
        return False
    site = headers.get("sec-fetch-site")
    if site:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return bool(origin) and urlsplit(origin or "").netloc != headers.get("host", "")


def _as_get(scope: Scope) -> Scope:
    """HEAD, as monitors ask, is GET without the body; but it doesn't use up the link that lets in once."""
    if scope["method"] != "HEAD" or scope["path"] == "/login/link":
        return scope
    return {**scope, "method": "GET"}


def _name(host: str) -> str:
    return host if host.endswith("]") else re.sub(r":\d+\Z", "", host)


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge(limit)
        return message

    return counted


class _Answer:
    """Sends, with our headers on what is sent."""

    def __init__(self, send: Send, request_id: str, path: str, empty: bool):
        self.send, self.request_id, self.path, self.empty = send, request_id, path, empty

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.request_id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if not self.path.startswith("/static/"):
                headers.setdefault("Cache-Control", "no-store")
        elif self.empty and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self.send(message)

    async def refuse(self, status: int, message: str, code: str) -> None:
        api = self.path.startswith("/v1/")
        body = json.dumps(envelope(status, message, code)) if api else message
        kind = "application/json" if api else "text/plain; charset=utf-8"
        data = body.encode()
        lengths = [(b"content-type", kind.encode()), (b"content-length", str(len(data)).encode())]
        closing = [(b"connection", b"close")] if status == 413 else []
        await self({"type": "http.response.start", "status": status, "headers": lengths + closing})
        await self({"type": "http.response.body", "body": data})
