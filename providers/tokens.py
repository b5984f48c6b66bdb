"""Counts tokens without a download: OpenAI's o200k vocabulary where installed, else a cautious estimate."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from records import Example, TokenCount

# OpenAI's cookbook, "How to count tokens with tiktoken": three tokens frame a message, three open the answer
FRAME = 3
OPENING = 3
WIDE = re.compile(r"[\u0800-\U0010ffff]+")  # three bytes of UTF-8 and more

Count = Callable[[str], int]


@lru_cache(1)
def o200k() -> Count | None:
    """The exact count of the GPT-4o and GPT-4.1 families; None where the package `bpe-openai` is missing."""
    try:
        import bpe_openai
    except ModuleNotFoundError:
        return None
    encoding = bpe_openai.get_encoding("o200k_base")
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def estimated(text: str) -> int:
    """Rather too many than too few: a token for each digit, two bytes of wide scripts, three of others.

    English has four to five bytes a token in today's vocabularies, Chinese two to four.
    """
    size = len(text.encode("utf-8", "replace"))
    digits = sum(map(text.count, "0123456789"))
    wide = sum(len(run.encode("utf-8", "replace")) for run in WIDE.findall(text))
    return digits + -(-wide // 2) + -(-(size - digits - wide) // 3)


def measured(example: dict[str, Any], count: Count, limit: int) -> TokenCount:
    """Tokens of `{"messages": [...]}`, cut at `limit`; trainable is what assistants say with a weight."""
    total = OPENING
    trainable = 0
    for message in example["messages"]:
        said = count(_text(message))
        total += FRAME + 1 + said
        if message["role"] == "assistant" and message.get("weight") != 0:
            trainable += max(0, min(said, limit - (total - said)))
    return TokenCount(total=min(total, limit), trainable=trainable, cut=max(0, total - limit))


def measured_all(examples: Iterable[Example], count: Count, limit: int) -> Iterator[TokenCount]:
    for example in examples:
        yield measured({"messages": [dict(message) for message in example.messages]}, count, limit)


def prompt_tokens(messages: Sequence[dict[str, Any]], count: Count) -> int:
    return OPENING + sum(FRAME + 1 + count(_text(message)) for message in messages)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    calls = message.get("tool_calls")
    return (content if isinstance(content, str) else "") + (str(calls) if calls else "")
