"""Which token comes next: the likeliest or one that is drawn, after penalties and bias, of those allowed."""

from collections import Counter
from collections.abc import Callable

import torch

from errors import BadOption
from providers.gpu.answers.form import Form
from records import ChatOptions

UNLIKELY = float("-inf")


class Chooser:
    """Chooses the tokens of one answer. A `form` says which may come next.

    Raises BadOption for a bias on what is none of the model's `count` tokens.
    """

    def __init__(self, options: ChatOptions, count: int, form: Form | None = None):
        more = options.more
        self.draw, self.form = sampler(options), form
        self.frequency = float(more.get("frequency_penalty") or 0)
        self.presence = float(more.get("presence_penalty") or 0)
        self.bias = {int(token): float(value) for token, value in (more.get("logit_bias") or {}).items()}
        if self.bias and (last := max(self.bias)) >= count:
            raise BadOption(f"The model has no token {last}: its last one is {count - 1}.", "", "logit_bias")
        self.said: Counter[int] = Counter()

    @property
    def is_complete(self) -> bool:
        """Whether the form leaves nothing to add."""
        return self.form is not None and self.form.is_complete

    def choose(self, logits: torch.Tensor) -> int:
        """The next token by its logits (V,)."""
        token = self.draw(self._weighed(logits))
        self.said[token] += 1
        if self.form:
            self.form.take(token)
        return token

    def _weighed(self, logits: torch.Tensor) -> torch.Tensor:
        penalized = self.said if self.frequency or self.presence else {}
        if not (penalized or self.bias or self.form):
            return logits
        changed = logits.float().cpu().clone()
        if penalized:
            tokens, counts = torch.tensor(list(penalized)), torch.tensor(list(penalized.values()))
            changed[tokens] -= self.presence + self.frequency * counts
        for token, value in self.bias.items():
            changed[token] += value
        if self.form:
            changed[~self.form.allowed(len(changed))] = UNLIKELY
        return changed


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
