"""Base and tuned model of a hosted vendor answer the holdout, side by side."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from errors import Refused, TooLong
from providers.hosted import Unanswerable
from providers.patience import Patience
from providers.tokens import Count
from records import Answer, ChatOptions, Message, Piece

log = logging.getLogger("luthier.evaluate")

AT_ONCE = 4
TRAINED = (
    "The model is trained, and is not paid for twice: `luthier jobs retry` measures it then. If one of the "
    "two models can't be asked, the same command with --option evaluate_on=0 publishes it unmeasured."
)
LONGEST_ANSWER = 1024

Ask = Callable[[str, Sequence[Message], ChatOptions], Iterator[Piece]]


def answers(
    examples: Iterable[dict[str, Any]],
    limit: int,
    base: str,
    tuned: str,
    ask: Ask,
    count: Count,
    patience: Patience,
) -> list[Answer]:
    """What both say to the first `limit` examples. Hosted vendors give no losses.

    To what can't be answered nothing is said: one question must not keep a model that is paid for from being
    published. Raises Refused where a model can't be asked, with what to do.
    """

    def answer(example: dict[str, Any]) -> Answer:
        *before, last = [
            Message(role=message["role"], content=message["content"]) for message in example["messages"]
        ]
        tokens = count(last.content)
        options = ChatOptions(max_tokens=min(LONGEST_ANSWER, 2 * tokens + 32))
        return Answer(
            expected=last.content,
            prompt=next((message.content for message in reversed(before) if message.role == "user"), ""),
            base=patience(lambda: said(ask(base, before, options))),
            tuned=patience(lambda: said(ask(tuned, before, options))),
            tokens=tokens,
        )

    plain = (example for example in examples if all(_is_plain(message) for message in example["messages"]))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            return list(pool.map(answer, islice(plain, limit)))
        except Refused as error:
            raise Refused(error.message, f"{error.hint} {TRAINED}".strip()) from error


def said(pieces: Iterator[Piece]) -> str:
    try:
        return "".join(piece for piece in pieces if isinstance(piece, str)).strip()
    except (Unanswerable, TooLong) as error:
        log.warning("A held-out question counts as not answered: %s", error.message)
        return ""


def _is_plain(message: dict[str, Any]) -> bool:
    return message.get("role") in ("system", "user", "assistant") and isinstance(message.get("content"), str)
