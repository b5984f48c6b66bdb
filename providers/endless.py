"""An answer that never ends has a time as a whole, however often a byte of it comes.

A client's own timeout begins anew with each byte. Here the whole of an answer has as much; of one that comes
in lines, a talk, each line has it, so that one which goes on is not cut. Only a head that drips is left to
the client, which ends it at a hundred kilobytes.
"""

import time
from collections.abc import Callable, Iterator

import httpx2


def within(seconds: float) -> Callable[[httpx2.Response], None]:
    """A hook for a client's responses."""

    def limit(response: httpx2.Response) -> None:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        in_lines = kind in ("text/event-stream", "application/x-ndjson")
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Timed(response.stream, seconds, in_lines)

    return limit


class _Timed(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, seconds: float, in_lines: bool):
        self.stream, self.seconds, self.in_lines = stream, seconds, in_lines

    def __iter__(self) -> Iterator[bytes]:
        end, line = time.monotonic() + self.seconds, b""
        for piece in self.stream:
            if self.in_lines:
                *lines, line = (line + piece).split(b"\n")
                if any(one.strip() for one in lines):
                    # who listens may have taken his time with the line before
                    yield piece
                    end = time.monotonic() + self.seconds
                    continue
            if time.monotonic() > end:
                raise httpx2.ReadTimeout(f"The answer did not end within {self.seconds:g} s.")
            yield piece

    def close(self) -> None:
        self.stream.close()
