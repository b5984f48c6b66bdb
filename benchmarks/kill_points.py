"""Lines of our code as places where a process can be killed: recorded in one run, met again in another."""

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
OURS = tuple(
    f"{ROOT}/{part}/"
    for part in ("flows", "tasks", "providers", "registry", "validation", "launch", "waiting")
)
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)

Line = tuple[str, int]
Spot = tuple[Line, int]  # a line, and which time it is met, from 1


class Tracer:
    """Counts the lines that this process comes by, from its first request to one of `ports` on.

    At `spot` it kills the process, as a power cut would: nothing is cleaned up.
    """

    def __init__(self, ports: set[int], spot: Spot | None = None):
        self.ports, self.spot = ports, spot
        self.armed = False
        self.met: Counter[Line] = Counter()
        self.until_last_call: Counter[Line] = Counter()

    def start(self) -> None:
        """Tracing costs time, so it begins with the first request."""
        watch_requests(self._called)

    def stop(self) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]

    def _called(self, url: str) -> None:
        if urlsplit(url).port not in self.ports:
            return
        if not self.armed:
            self.armed = True
            self._trace(sys._getframe())
        if self.spot is None:
            self.until_last_call = self.met.copy()

    def _trace(self, frame: FrameType | None) -> None:
        """From now on, and in the functions that are under way."""
        while frame:
            frame.f_trace = self._entered(frame, "call", None)
            frame = frame.f_back
        threading.settrace(self._entered)
        sys.settrace(self._entered)

    def _entered(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        return self._passed if frame.f_code.co_filename.startswith(OURS) else None

    def _passed(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        if event == "line":
            line = (frame.f_code.co_filename.removeprefix(f"{ROOT}/"), frame.f_lineno)
            self.met[line] += 1
            if self.spot and self.spot[0] == line and self.met[line] >= self.spot[1]:
                os.kill(os.getpid(), KILL)
        return self._passed


def watch_requests(called: Callable[[str], None]) -> None:
    """Tell of every request of the vendors' libraries, before it is sent."""
    import httpx2
    import requests

    send, send_storage = httpx2.Client.send, requests.Session.send

    def watched(self: Any, request: Any, **options: Any) -> Any:
        called(str(request.url))
        return send(self, request, **options)

    def watched_storage(self: Any, request: Any, **options: Any) -> Any:
        called(str(request.url))
        return send_storage(self, request, **options)

    httpx2.Client.send = watched  # type: ignore[method-assign]
    requests.Session.send = watched_storage  # type: ignore[method-assign]
