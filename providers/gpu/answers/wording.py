"""One answer on its way from tokens to text: what can be shown already, and when it ends."""

from collections.abc import Callable, Iterator, Sequence

import torch

from providers.gpu.template import Template
from records import ChatOptions, Usage

UNFINISHED = "\ufffd"  # what an incomplete UTF-8 sequence decodes to


class Wording:
    """Takes the tokens of an answer one by one; `room` is how many the context still holds."""

    def __init__(
        self, template: Template, end_ids: frozenset[int], prompt: int, options: ChatOptions, room: int
    ):
        self.template, self.end_ids, self.prompt, self.options = template, end_ids, prompt, options
        self.most = min(options.max_tokens, room)
        self.choose = sampler(options)
        self.tokens: list[int] = []
        self.said = ""
        self.done = False

    def take(self, logits: torch.Tensor) -> Iterator[str | Usage]:
        """Choose the next token by its logits (V,); the text that it adds, and at the end the usage."""
        token = self.choose(logits)
        self.tokens.append(token)
        ended = token in self.end_ids
        text = self.template.text(self.tokens[:-1] if ended else self.tokens)
        if (stop := first_stop(text, self.options.stop)) is not None:
            text, ended = text[:stop], True
        full = len(self.tokens) >= self.most
        ready = text if ended or full else text[: len(text) - withheld(text, self.options.stop)]
        if len(ready) > len(self.said):
            yield ready[len(self.said) :]
            self.said = ready
        if ended or full:
            self.done = True
            yield Usage(
                prompt_tokens=self.prompt,
                completion_tokens=len(self.tokens),
                finish_reason="stop" if ended else "length",
            )


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


def sampler(options: ChatOptions) -> Callable[[torch.Tensor], int]:
    """Greedy at temperature 0; else from the likeliest tokens that make up `top_p` of the probability."""
    if options.temperature == 0:
        return lambda logits: int(logits.argmax())
    generator = torch.Generator()
    if options.seed is None:
        generator.seed()
    else:
        generator.manual_seed(options.seed)

    def draw(logits: torch.Tensor) -> int:
        likely, tokens = torch.softmax(logits.float().cpu() / options.temperature, -1).sort(descending=True)
        # the first token always stays
        likely[1:][likely.cumsum(-1)[:-1] >= options.top_p] = 0
        return int(tokens[torch.multinomial(likely, 1, generator=generator)])

    return draw
