"""The process that answers for models of our own, seen from the web server: started when first needed.

Requests are handed to it at once. It answers one model at a time, several requests to it together; where too
many are open, more are refused. The process ends when it was idle for a while, and with the web server.
"""

import asyncio
import contextlib
import itertools
import json
import logging
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from errors import BadOption, LuthierError, Unavailable, from_failure
from records import ChatOptions, Failure, Message, Usage, Weighed
from web.faults import TooManyRequests

log = logging.getLogger("luthier.model_server")

ROOT = Path(__file__).parents[1]
# programs ask for a hundred answers at once, and wait ten minutes for each
LONGEST_LINE = 128
IDLE_SECONDS = 600.0
LINE_BYTES = 32 << 20
# when who is turned away may try again: some have left the line, and OpenAI's SDKs heed a minute at most
RETRY_SECONDS = 20.0


class ModelServer:
    """Belongs to one event loop. `command` starts the process that web/serving.py describes."""

    def __init__(
        self,
        command: Sequence[str] = (sys.executable, "-m", "web.serving"),
        longest_line: int = LONGEST_LINE,
        idle_seconds: float = IDLE_SECONDS,
    ):
        self.command, self.longest_line, self.idle_seconds = tuple(command), longest_line, idle_seconds
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def chat(
        self, base_model: str, reference: str, messages: Sequence[Message], options: ChatOptions
    ) -> AsyncGenerator[str | Weighed | Usage, None]:
        """As `Provider.chat`. Raises TooManyRequests, Unavailable if the process dies, else its errors."""
        if len(self._open) >= self.longest_line:
            raise TooManyRequests(
                f"{len(self._open)} requests wait for this machine's models already.",
                "Try again in a moment.",
                None,
                RETRY_SECONDS,
            )
        number, arrived = next(self._numbers), asyncio.Queue[dict[str, Any]]()
        self._open[number] = arrived
        self._stay()
        finished = False
        try:
            await self._tell(
                {
                    "id": number,
                    "base_model": base_model,
                    "reference": reference,
                    "messages": [message.model_dump(exclude_none=True) for message in messages],
                    "options": options.model_dump(),
                }
            )
            while not finished:
                said = await arrived.get()
                if "piece" in said:
                    yield said["piece"]
                    continue
                if "weighed" in said:
                    yield Weighed.model_validate(said["weighed"])
                    continue
                finished = True
                if "failure" in said:
                    raise _error(Failure.model_validate(said["failure"]), said.get("param"))
                yield Usage.model_validate(said["usage"])
        finally:
            del self._open[number]
            if not finished:
                with contextlib.suppress(LuthierError):
                    await self._tell({"cancel": number}, start=False)
            if not self._open:
                self._leave_later()

    async def _tell(self, request: dict[str, Any], start: bool = True) -> None:
        async with self._starting:
            if start and (self._process is None or self._process.returncode is not None):
                await self._start()
            if self._process is None or self._process.stdin is None:
                return
            try:
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                await self._process.stdin.drain()
            except (BrokenPipeError, ConnectionResetError) as error:
                raise _dead() from error

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
        )
        self._reader = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                said = json.loads(line)
                if waiting := self._open.get(said["id"]):
                    waiting.put_nowait(said)
        except (ValueError, LookupError, TypeError):
            log.exception("The model process said what can't be understood.")
            process.kill()
        await process.wait()
        if process is self._process:
            self._process = None
            for waiting in self._open.values():
                waiting.put_nowait({"failure": _dead().failure.model_dump()})

    def _stay(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _leave_later(self) -> None:
        self._stay()
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(self.idle_seconds, lambda: loop.create_task(self.close()))

    async def close(self) -> None:
        """End the process; the next request starts another."""
        self._stay()
        async with self._starting:
            process, self._process = self._process, None
            if process and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


def _dead() -> Unavailable:
    return Unavailable(
        "The process that answers for own models has stopped.",
        "Try again: it starts anew. If it stops again, the machine may lack memory for the base model.",
    )


def _error(failure: Failure, param: str | None) -> LuthierError:
    error = from_failure(failure)
    if isinstance(error, BadOption) and param:
        return BadOption(error.message, error.hint, param)
    return error
