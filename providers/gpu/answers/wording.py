"""One answer on its way from tokens to text: what can be shown already, and when it ends."""

from collections.abc import Iterator, Sequence

import torch

from providers.gpu.answers.chances import Chances
from providers.gpu.answers.choosing import Chooser
from providers.gpu.answers.form import Form
from providers.gpu.template import Template
from records import ChatOptions, TokenChance, Usage, Weighed

UNFINISHED = "\ufffd"  # what an incomplete UTF-8 sequence decodes to


class Wording:
    """Takes the tokens of an answer one by one, of the model's `count`; `room` is how many its context still
    holds."""

    def __init__(
        self,
        template: Template,
        end_ids: frozenset[int],
        prompt: int,
        options: ChatOptions,
        room: int,
        count: int,
        form: Form | None = None,
    ):
        self.template, self.end_ids, self.prompt, self.options = template, end_ids, prompt, options
        self.most = min(options.max_tokens, room)
        self.chooser = Chooser(options, count, form)
        wanted = options.more.get("logprobs")
        self.chances = Chances(template, options.more.get("top_logprobs") or 0) if wanted else None
        # of each token that is not shown yet: where its text begins, and how likely it was
        self.weighed: list[tuple[int, TokenChance]] = []
        self.tokens: list[int] = []
        self.said = ""
        self.done = False
        self.settled = 0

    def take(self, logits: torch.Tensor) -> Iterator[str | Weighed | Usage]:
        """Choose the next token by its logits (V,); the text that it adds, and at the end the usage."""
        token = self.chooser.choose(logits)
        self.tokens.append(token)
        ended = token in self.end_ids
        text = self.template.text(self.tokens[:-1] if ended else self.tokens)
        if self.chances and not ended:
            self.weighed.append((self.settled, self.chances.of(token, logits)))
            self.settled = len(text.rstrip(UNFINISHED))
        if (stop := first_stop(text, self.options.stop)) is not None:
            text, ended = text[:stop], True
        ended = ended or self.chooser.is_complete
        full = len(self.tokens) >= self.most
        ready = text if ended or full else text[: len(text) - withheld(text, self.options.stop)]
        if len(ready) > len(self.said):
            yield self._shown(ready)
            self.said = ready
        if ended or full:
            self.done = True
            yield Usage(
                prompt_tokens=self.prompt,
                completion_tokens=len(self.tokens),
                finish_reason="stop" if ended else "length",
            )

    def _shown(self, ready: str) -> str | Weighed:
        """What `ready` adds, with the tokens whose text begins in it."""
        piece = ready[len(self.said) :]
        if self.chances is None:
            return piece
        tokens = [chance for begins, chance in self.weighed if begins < len(ready)]
        self.weighed = self.weighed[len(tokens) :]
        return Weighed(text=piece, tokens=tuple(tokens))


def first_stop(text: str, stops: Sequence[str]) -> int | None:
    """Where the earliest of the stop strings begins."""
    return min((at for stop in stops if stop and (at := text.find(stop)) >= 0), default=None)


def withheld(text: str, stops: Sequence[str]) -> int:
    """Characters at the end that can't be shown yet: half a character, or what may become a stop string."""
    if text.endswith(UNFINISHED):
        return len(text) - len(text.rstrip(UNFINISHED))
    return max(
        (n for stop in stops for n in range(1, len(stop)) if text.endswith(stop[:n])),
        default=0,
    )
