"""Messages to token ids by a base model's own template: the same way in training, measuring and serving.

Needs a tokenizer folder (see tokenizers in bases.py), no torch.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from errors import InvalidData, NotConfigured
from records import Message

# Where message text holds a control token, these two private-use characters fence it until it is encoded.
OPEN, CLOSE = "\ue0f0", "\ue0f1"
PROBE, ASKED = "Luthier", "Who makes violins?"


class TokenRow(NamedTuple):
    """A row to train on. `trained[i]` says that token i is to be predicted from the ones before it."""

    tokens: list[int]
    trained: list[bool]

    def cut(self, limit: int) -> "TokenRow":
        return TokenRow(self.tokens[:limit], self.trained[:limit])


class Template:
    """A chat template with its tokenizer.

    Thinking is switched off wherever a template knows `enable_thinking`, so that the empty think block that
    Qwen3 is served with also stands before every answer that is trained.
    """

    def __init__(self, folder: Path):
        from tokenizers import Tokenizer

        self.folder = folder
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        self._special = {
            key: value["content"] if isinstance(value, dict) else value
            for key, value in config.items()
            if key.endswith("_token") and isinstance(value, str | dict)
        }
        path = folder / "chat_template.jinja"
        self._template = path.read_text("utf-8") if path.exists() else config.get("chat_template") or ""
        if not self._template:
            raise NotConfigured(
                "The base model has no chat template, so it doesn't know turns of a dialogue.",
                "Choose its instruct or chat variant.",
            )
        self._in_parts = False
        added = self.tokenizer.get_added_tokens_decoder().values()
        control = sorted((token.content for token in added if token.special), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, control)) or r"(?!)")
        self._settle_on_a_form()

    def _settle_on_a_form(self) -> None:
        """Templates of models that also see take a message as a list of parts, and write nothing of a text.

        Raises NotConfigured where question or answer are not written as they are.
        """
        turns = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": PROBE}]
        refuses = False
        for in_parts in (False, True):
            self._in_parts = in_parts
            try:
                rendered = self._render(turns)
            except InvalidData:
                refuses = refuses or not in_parts
                continue
            if ASKED in rendered and PROBE in rendered:
                return
        self._in_parts = False
        # one that refuses even this says why to whoever asks it next
        if not refuses:
            raise NotConfigured(
                "The base model's chat template doesn't write a question and its answer as they are.",
                "Choose another base model, or mend its chat_template.jinja.",
            )

    def _render(self, messages: Sequence[dict[str, str]], ask: bool = False) -> str:
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template

        arguments: dict[str, Any] = {**self._special, "enable_thinking": False}
        try:
            rendered, _ = render_jinja_template(
                conversations=[[self._formed(message) for message in messages]],
                chat_template=self._template,
                add_generation_prompt=ask,
                **arguments,
            )
        except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
            raise InvalidData(
                f"The base model's chat template refuses a dialogue: {error}.",
                "Let user and assistant take turns, after at most one system message.",
            ) from error
        return str(rendered[0])

    def _formed(self, message: dict[str, str]) -> dict[str, Any]:
        if not self._in_parts:
            return message
        return message | {"content": [{"type": "text", "text": message["content"]}]}

    @cached_property
    def _knows_system(self) -> bool:
        try:
            turns = [{"role": "system", "content": PROBE}, {"role": "user", "content": "x"}]
            return PROBE in self._render(turns)
        except InvalidData:
            return False

    @cached_property
    def _tail(self) -> str:
        """What the template writes after an answer."""
        turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": PROBE}]
        return self._render(turns).rpartition(PROBE)[2]

    @cached_property
    def _end(self) -> str:
        """The part of the tail that is trained: up to its first control token, the end-of-turn mark."""
        found = self._control.search(self._tail)
        return self._tail[: found.end()] if found else self._special.get("eos_token", "")

    @cached_property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        marks = [*self._control.findall(self._end)[-1:], self._special.get("eos_token", "")]
        return frozenset(i for mark in marks if mark and (i := self.tokenizer.token_to_id(mark)) is not None)

    @property
    def pad_id(self) -> int:
        return min(self.end_ids, default=0)

    def _turns(self, messages: Sequence[Message]) -> list[dict[str, str]]:
        turns = [{"role": message.role, "content": self._fence(message.content)} for message in messages]
        if self._knows_system or turns[0]["role"] != "system":
            return turns
        system, *rest = turns
        if rest and rest[0]["role"] == "user":
            rest[0] = {"role": "user", "content": f"{system['content']}\n\n{rest[0]['content']}"}
        return rest

    def _fence(self, text: str) -> str:
        text = text.replace(OPEN, "").replace(CLOSE, "")
        return self._control.sub(lambda found: f"{OPEN}{found[0]}{CLOSE}", text)

    @cached_property
    def _literal(self) -> Callable[[str], list[int]]:
        """Encodes control tokens as the plain text that they are in a message."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self.tokenizer.to_str())
        tokenizer.encode_special_tokens = True
        return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)

    def _encode(self, text: str) -> list[int]:
        if OPEN not in text:
            return list(self.tokenizer.encode(text, add_special_tokens=False).ids)
        pieces = re.split(f"{OPEN}(.*?){CLOSE}", text, flags=re.DOTALL)
        return [
            token
            for i, piece in enumerate(pieces)
            for token in (self._literal(piece) if i % 2 else self._encode(piece))
        ]

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The tokens after which the model answers. Raises InvalidData if the template refuses them."""
        return self._encode(self._render(self._turns(messages), ask=True))

    def rendered(self, messages: Sequence[Message], ask: bool = False) -> str:
        """The template's text. Raises InvalidData if it refuses the dialogue."""
        return self._render(self._turns(messages), ask)

    def rows(self, messages: Sequence[Message]) -> list[TokenRow]:
        """The rows in which every weighted answer stands behind exactly the prompt that serving would build.

        That is one row where the template writes past turns as it wrote the latest, and one more for each
        answer where it does not (Qwen3 drops the think block from past turns). What rows share is computed
        once anyway.
        """
        turns = self._turns(messages)
        shift = len(messages) - len(turns)
        rows: list[TokenRow] = []
        for i in range(len(messages) - 1, -1, -1):
            if messages[i].role == "assistant" and messages[i].weight != 0 and i > shift:
                self._add_answer(rows, turns[: i - shift], turns[i - shift])
        return rows

    def _add_answer(self, rows: list[TokenRow], before: list[dict[str, str]], turn: dict[str, str]) -> None:
        prompt = self._render(before, ask=True)
        full = self._render([*before, turn])
        as_promised = full.startswith(prompt) and full.endswith(self._tail)
        text = full[len(prompt) : len(full) - len(self._tail)] if as_promised else turn["content"]
        asked, answer = self._encode(prompt), self._encode(text + self._end)
        tokens = asked + answer
        for row in rows:
            if row.tokens[: len(tokens)] == tokens:
                row.trained[len(asked) : len(tokens)] = [True] * len(answer)
                return
        rows.append(TokenRow(tokens, [False] * len(asked) + [True] * len(answer)))

    def text(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))
