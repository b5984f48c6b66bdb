"""A vendor on this machine: real HTTP, a state that can be looked at, and faults on demand.

A test calls `vendor.fault("POST", "/fine_tuning/jobs$", status=500, when="after")`. Another process posts
the same fields as JSON to `/_control/faults`; see `CONTROL`.
"""

import json
import random
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

CONTROL = """
POST /_control/faults   {"method", "path", "times", "skip", "when", "status", "body", "headers", "cut",
                         "delay", "truncate", "merge", "drop", "drip", "beat"}: see Fault
DELETE /_control/faults forget them
POST /_control/chaos    {"seed": 1, "rate": 0.2}: one in five requests meets a fault; rate 0 ends it
POST /_control/next     {"outcome": "failed", "error": {...}, "states": [...]}: how the next job goes
POST /_control/pace     {"polls": 3} or {"seconds": 10}: how fast jobs go, those under way too
GET  /_control/state    jobs, files, models
GET  /_control/log      the requests so far
"""


@dataclass
class Fault:
    """What happens to the next requests of that method whose path matches the regular expression.

    `when`: before the request takes effect, or after. `merge` and `drop` change fields of the real answer.
    `held`: it takes until that is set. `drip`, `beat`: seconds before each byte of the answer, before each
    piece of a streamed one.
    """

    method: str
    path: str
    times: int = 1
    skip: int = 0
    when: Literal["before", "after"] = "before"
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    delay: float = 0.0
    held: threading.Event | None = None
    truncate: bool = False
    merge: dict[str, Any] = field(default_factory=dict)
    drop: list[str] = field(default_factory=list)
    drip: float = 0.0
    beat: float = 0.0

    def meets(self, method: str, path: str) -> bool:
        if self.times == 0 or self.method not in ("*", method) or not re.search(self.path, path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True

    def pause(self) -> None:
        time.sleep(self.delay)
        if self.held:
            self.held.wait()


@dataclass
class Request:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def asked(self, name: str, default: str = "") -> str:
        return dict(self.query).get(name, default)


@dataclass
class Reply:
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stream: list[bytes] | None = None

    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Logged:
    method: str
    path: str
    query: list[tuple[str, str]]
    body: bytes = b""
    status: int = 0
    fault: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Loopback:
    """Subclasses answer requests in `reply`; `lock` is held meanwhile."""

    def __init__(self, port: int = 0):
        self.lock = threading.RLock()
        self.faults: list[Fault] = []
        self.log: list[Logged] = []
        self.violations: list[str] = []  # requests that the published description does not allow
        self.breaches: list[str] = []  # answers of this double that it does not allow
        self.chaos: tuple[random.Random, float] | None = None
        self.server = _Server(("127.0.0.1", port), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def reply(self, request: Request) -> Reply:
        raise NotImplementedError

    def control(self, request: Request) -> Reply:
        """What only a vendor itself knows how to do."""
        return Reply({"error": "no such control"}, 404)

    def state(self) -> dict[str, Any]:
        return {}

    def error(self, status: int) -> Any:
        """The body of a fault of that status, in the vendor's own shape."""
        return {"error": {"message": f"fault {status}"}}

    def fault(self, method: str, path: str, **what: Any) -> Fault:
        made = Fault(method, path, **what)
        with self.lock:
            self.faults.append(made)
        return made

    def count(self, method: str, path: str, status: int | None = None) -> int:
        """Requests so far of that method and path."""
        return sum(
            1
            for seen in self.log
            if seen.method == method and re.search(path, seen.path) and status in (None, seen.status)
        )

    def chosen_fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.meets(method, path):
                return fault
        if self.chaos and self.chaos[0].random() < self.chaos[1]:
            return _random_fault(self.chaos[0], method, path)
        return None

    def controlled(self, request: Request) -> Reply:
        what = request.path.removeprefix("/_control/")
        match request.method, what:
            case "POST", "faults":
                self.fault(**request.json)
            case "DELETE", "faults":
                self.faults.clear()
            case "POST", "chaos":
                rate = float(request.json["rate"])
                self.chaos = (random.Random(request.json.get("seed", 0)), rate) if rate else None
            case "GET", "state":
                return Reply(self.state() | {"violations": self.violations, "breaches": self.breaches})
            case "GET", "log":
                return Reply(
                    [{**asdict(seen), "body": seen.body.decode(errors="replace")} for seen in self.log]
                )
            case _:
                return self.control(request)
        return Reply({"ok": True})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that went away is part of the game; anything else is a fault of the double."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*_)  # type: ignore[arg-type]


def _random_fault(chance: random.Random, method: str, path: str) -> Fault:
    kinds: list[dict[str, Any]] = [
        {"status": 500},
        {"status": 503},
        {"status": 429, "headers": {"retry-after": "1"}},
        {"status": 500, "when": "after"},
        {"cut": True},
        {"cut": True, "when": "after"},
        {"truncate": True},
    ]
    return Fault(method, path, **chance.choice(kinds))


def merged(body: Any, changes: dict[str, Any]) -> Any:
    """`body` with the changes, nested objects merged too."""
    made = dict(body)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(made.get(key), dict)
        made[key] = merged(made[key], value) if nested else value
    return made


def _handler(vendor: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else head and body wait 40 ms for each other
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            pass

        def handle_request(self) -> None:
            request = self._read()
            if request.path.startswith("/_control/"):
                with vendor.lock:
                    reply = vendor.controlled(request)
                return self._send(reply)
            with vendor.lock:
                fault = vendor.chosen_fault(request.method, request.path)
                seen = Logged(request.method, request.path, request.query, request.body, fault=_name(fault))
                vendor.log.append(seen)
            if fault and fault.when == "before":
                fault.pause()
            reply = self._reply(request, fault)
            if fault and fault.when == "after":
                fault.pause()
            seen.status = reply.status if reply else 0
            if reply is None:
                return self._cut()
            self._send(reply, fault)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = handle_request

        def _read(self) -> Request:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            if headers.get("transfer-encoding") == "chunked":
                body = b"".join(self._chunks())
            else:
                body = self.rfile.read(int(headers.get("content-length", 0)))
            query = parse_qsl(parts.query, keep_blank_values=True)
            return Request(self.command, parts.path, query, headers, body)

        def _chunks(self) -> Iterator[bytes]:
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        def _reply(self, request: Request, fault: Fault | None) -> Reply | None:
            """None: cut the connection."""
            ends = fault is not None and (fault.cut or fault.status is not None)
            if fault and ends and fault.when == "before":
                return _faulty(fault)
            with vendor.lock:
                reply = vendor.reply(request)
            if fault and ends:
                return _faulty(fault)
            if fault and isinstance(reply.body, dict):
                kept = {key: value for key, value in reply.body.items() if key not in fault.drop}
                reply.body = merged(kept, fault.merge)
            return reply

        def _send(self, reply: Reply, fault: Fault | None = None) -> None:
            truncated = bool(fault and fault.truncate)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.stream is not None:
                self._stream(reply.stream, fault)
                return
            body = reply.bytes()
            if "content-type" not in {name.lower() for name in reply.headers}:
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self._write(body[: len(body) // 2] if truncated else body, fault)
            if truncated:
                self._cut()

        def _write(self, data: bytes, fault: Fault | None) -> None:
            if fault is None or not fault.drip:
                self.wfile.write(data)
                return
            for byte in data:
                time.sleep(fault.drip)
                self.wfile.write(bytes([byte]))
                self.wfile.flush()

        def _stream(self, pieces: list[bytes], fault: Fault | None) -> None:
            truncated = bool(fault and fault.truncate)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in pieces[: len(pieces) // 2] if truncated else pieces:
                time.sleep(fault.beat if fault else 0)
                self._write(b"%x\r\n%s\r\n" % (len(piece), piece), fault)
                self.wfile.flush()
            if truncated:
                return self._cut()
            self.wfile.write(b"0\r\n\r\n")

        def _cut(self) -> None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _faulty(fault: Fault) -> Reply | None:
        if fault.cut:
            return None
        status = fault.status or 500
        body = vendor.error(status) if fault.body is None else fault.body
        return Reply(body, status, dict(fault.headers))

    def _name(fault: Fault | None) -> str:
        if fault is None:
            return ""
        kind = "cut" if fault.cut else fault.status or ("truncated" if fault.truncate else "changed")
        return f"{kind} {fault.when}"

    return Handler


Route = tuple[str, str, Callable[..., Reply]]


def routed(routes: list[Route], request: Request) -> Reply | None:
    """The reply of the first route whose method and path fit; its groups are the arguments."""
    for method, pattern, answer in routes:
        if method == request.method and (found := re.fullmatch(pattern, request.path)):
            return answer(request, *found.groups())
    return None
