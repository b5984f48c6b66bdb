"""The process that answers for models of our own: `python -m web.serving`, started by web/model_server.py.

A line of JSON on stdin is a request ({"id", "base_model", "reference", "messages", "options"}) or takes one
back ({"cancel": id}). Lines on stdout answer: {"id", "piece"} …, then {"id", "usage"} or {"id", "failure"}.
One answer at a time, the base model staying in memory; it ends with its stdin.
"""

import json
import logging
import os
import queue
import sys
import threading
from typing import Any, TextIO

import providers
from errors import LuthierError
from records import ChatOptions, Failure, Message, Usage
from settings import quiet_dependencies, settings

log = logging.getLogger("luthier.serving")


class Line:
    """Requests in the order in which they came, those taken back left out."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.taken_back: set[int] = set()

    def read(self, lines: TextIO) -> None:
        for line in lines:
            said = json.loads(line)
            if "cancel" in said:
                self.taken_back.add(said["cancel"])
            else:
                self.waiting.put(said)
        # nobody listens any more, so the answer that is being given ends here as well
        os._exit(0)


def serve(lines: TextIO, answers: TextIO) -> None:
    provider = providers.get("gpu", **settings().provider_arguments("gpu"))
    line = Line()
    threading.Thread(target=line.read, args=(lines,), daemon=True).start()

    def say(**what: Any) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    while request := line.waiting.get():
        number = request["id"]
        try:
            answer(provider, request, line, say)
        except LuthierError as error:
            say(id=number, failure=error.failure.model_dump())
        except Exception as error:
            # the process's last handler: one bad request must not take the others down
            log.exception("The model failed.")
            fault = f"The model failed to answer: {type(error).__name__}: {error}."
            say(id=number, failure=Failure(code="error", message=fault, hint="").model_dump())
        line.taken_back.discard(number)


def answer(provider: providers.Provider, request: dict[str, Any], line: Line, say: Any) -> None:
    number = request["id"]
    if number in line.taken_back:
        return
    messages = [Message.model_validate(message) for message in request["messages"]]
    options = ChatOptions.model_validate(request["options"])
    for piece in provider.chat(request["base_model"], request["reference"], messages, options):
        if number in line.taken_back:
            return
        if isinstance(piece, Usage):
            say(id=number, usage=piece.model_dump())
        else:
            say(id=number, piece=piece)


def main() -> None:
    # what libraries print must not come between the answers
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    quiet_dependencies()
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
