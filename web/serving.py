"""The process that answers for models of our own: `python -m web.serving`, started by web/model_server.py.

A line of JSON on stdin is a request ({"id", "base_model", "reference", "messages", "options"}) or takes one
back ({"cancel": id}). Lines on stdout answer: {"id", "piece"} …, or {"id", "weighed"} … where the chances of
tokens are asked for, then {"id", "usage"} or {"id", "failure", "param"}.
Requests to the same model are answered together, those to others wait; it ends with its stdin.
"""

import json
import logging
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from errors import LuthierError
from records import ChatOptions, Failure, Message, Usage, Weighed
from settings import quiet_dependencies, settings

if TYPE_CHECKING:
    from providers.gpu.answers.generation import Chorus, Speaker

log = logging.getLogger("luthier.serving")

# how long a request to another model is passed by those that can join
PATIENCE_SECONDS = 2.0
Say = Callable[..., None]


class Request(NamedTuple):
    id: int
    base_model: str
    reference: str
    messages: list[Message]
    options: ChatOptions
    came: float

    @property
    def model(self) -> tuple[str, str]:
        return self.base_model, self.reference


class Line:
    """Requests in the order in which they came, those taken back left out."""

    def __init__(self) -> None:
        self.arrived: queue.Queue[Request] = queue.Queue()
        self.waiting: deque[Request] = deque()
        self.taken_back: set[int] = set()

    def read(self, lines: TextIO) -> None:
        for line in lines:
            said = json.loads(line)
            if "cancel" in said:
                self.taken_back.add(said["cancel"])
            else:
                messages = [Message.model_validate(message) for message in said.pop("messages")]
                options = ChatOptions.model_validate(said.pop("options"))
                self.arrived.put(Request(messages=messages, options=options, came=time.monotonic(), **said))
        # nobody listens any more, so the answers that are being given end here as well
        os._exit(0)

    def next(self, model: tuple[str, str] | None) -> Request | None:
        """The first one, waited for; or, of what is there, the first to that `model`, unless one to another
        has been passed by for too long."""
        if model is None and not self.waiting:
            self.waiting.append(self.arrived.get())
        while not self.arrived.empty():
            self.waiting.append(self.arrived.get())
        for request in list(self.waiting):
            if request.id in self.taken_back:
                self.waiting.remove(request)
            elif model in (None, request.model):
                self.waiting.remove(request)
                return request
            elif time.monotonic() - request.came > PATIENCE_SECONDS:
                return None
        return None


class Service:
    """Gives the answers of one model at a time, many of them together."""

    def __init__(self, line: Line, say: Say, speaker: Callable[[str, str], "Speaker"]):
        self.line, self.say, self.speaker = line, say, speaker
        self.chorus: Chorus | None = None
        self.model: tuple[str, str] | None = None

    def turn(self) -> None:
        """Let in who can be, then say the next token of each answer."""
        while self.chorus is None or not self.chorus.full:
            request = self.line.next(self.model)
            if request is None or not self._went_well([request.id], partial(self._begin, request)):
                break
        if self.chorus:
            self.chorus.leave(*self.line.taken_back.intersection(self.chorus.keys))
            self._read(self.chorus)
            speaking = [voice.key for voice in self.chorus.voices]
            if not self._went_well(speaking, self._step):
                self.chorus.leave(*speaking)
            if self.chorus.silent:
                self.chorus = self.model = None

    def _read(self, chorus: "Chorus") -> None:
        """Of the prompts no more than about a piece, as the others wait for their next token meanwhile."""
        room = chorus.speaker.piece
        while room > 0 and (voice := chorus.nearest):
            if not self._went_well([voice.key], chorus.read):
                chorus.leave(voice.key)
            # what is known of a prompt already took no time
            room -= voice.reading.took

    def _went_well(self, numbers: Sequence[Any], work: Callable[[], None]) -> bool:
        """Otherwise these requests are told what happened."""
        try:
            work()
        except Exception as error:
            # the process's last handler: one bad request must not take the others down
            for number in numbers:
                self._fail(number, error)
            return False
        return True

    def _step(self) -> None:
        assert self.chorus is not None
        for number, piece in self.chorus.step():
            if isinstance(piece, LuthierError):
                self._fail(number, piece)
            elif isinstance(piece, Usage):
                self.say(id=number, usage=piece.model_dump())
            elif isinstance(piece, Weighed):
                self.say(id=number, weighed=piece.model_dump())
            else:
                self.say(id=number, piece=piece)

    def _begin(self, request: Request) -> None:
        from providers.gpu.answers.generation import Chorus

        chorus = self.chorus or Chorus(self.speaker(request.base_model, request.reference))
        chorus.join(request.id, request.messages, request.options)
        self.chorus, self.model = chorus, request.model

    def _fail(self, number: Any, error: Exception) -> None:
        if isinstance(error, LuthierError):
            failure = error.failure
        else:
            log.error("The model failed.", exc_info=error)
            message = f"The model failed to answer: {type(error).__name__}: {error}."
            failure = Failure(code="error", message=message, hint="")
        self.say(id=number, failure=failure.model_dump(), param=getattr(error, "param", None))


def serve(lines: TextIO, answers: TextIO, home: Path) -> None:
    from providers.gpu.answers.speakers import speaker

    line = Line()
    threading.Thread(target=line.read, args=(lines,), daemon=True).start()

    def say(**what: Any) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    service = Service(line, say, lambda base_model, reference: speaker(base_model, reference, home))
    while True:
        service.turn()


def main() -> None:
    # what libraries print must not come between the answers
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    quiet_dependencies()
    serve(sys.stdin, answers, settings().root)


if __name__ == "__main__":
    main()
