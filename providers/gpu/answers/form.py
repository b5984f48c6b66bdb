"""Answers in JSON: of each next token whether the text can still become what was asked for, by llguidance."""

import json
from pathlib import Path
from typing import Any

import torch

from errors import BadOption, NotConfigured

PARAM = "response_format"
# a space, or a line and its indent: a small model that may write more does so until its tokens are used up
LAYOUT = {"whitespace_pattern": r"( |\n[ ]{0,12})?"}


class Guide:
    """A tokenizer's tokens as llguidance wants them."""

    def __init__(self, folder: Path, end_ids: frozenset[int]):
        try:
            from llguidance import LLTokenizer
        except ImportError as error:
            raise NotConfigured(
                "Answers in a given form need the library llguidance.", "pip install llguidance"
            ) from error
        try:
            text = (folder / "tokenizer.json").read_text("utf-8")
            self.tokenizer = LLTokenizer(text, eos_token=sorted(end_ids) or None)
        except ValueError as error:
            raise BadOption(
                f"This model's tokenizer can't be held to a form: {error}.", "Leave it out.", PARAM
            ) from error

    def form(self, wanted: dict[str, Any]) -> "Form":
        """For OpenAI's `response_format`. Raises BadOption for a schema that can't be followed."""
        from llguidance import LLMatcher

        schema = (wanted.get("json_schema") or {}).get("schema") or {"type": "object"}
        try:
            grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults=LAYOUT)
        except ValueError as error:
            # JSON as Python reads it has NaN, for instance
            raise unfollowed(str(error)) from error
        return Form(LLMatcher(self.tokenizer, grammar, log_level=0))


def unfollowed(why: str) -> BadOption:
    return BadOption(f"The schema can't be followed: {' '.join(why.split())[:300]}.", "Simplify it.", PARAM)


class Form:
    """What one answer must become, and how far it is. Raises BadOption where that takes too much work."""

    def __init__(self, matcher: Any):
        self.matcher = matcher
        self._check()

    def _check(self) -> None:
        if fault := self.matcher.get_error():
            raise unfollowed(fault)

    @property
    def is_complete(self) -> bool:
        return bool(self.matcher.is_stopped())

    def allowed(self, count: int) -> torch.Tensor:
        """(count,) of each token of the model whether it may come next."""
        found = torch.frombuffer(bytearray(self.matcher.compute_logit_bias()), dtype=torch.uint8) > 0
        # a model may have room for more tokens than its tokenizer knows, or the other way round
        allowed = torch.zeros(count, dtype=torch.bool)
        shared = min(count, len(found))
        allowed[:shared] = found[:shared]
        return allowed

    def take(self, token: int) -> None:
        self.matcher.consume_token(token)
        self._check()
