"""A prompt on its way into the model: a piece at a time, so that the answers being given go on meanwhile."""

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from providers.gpu.answers.generation import Speaker

# tokens read at once, for which the others wait: few enough to go unnoticed, enough to keep the cores busy
PIECE, PIECE_ON_CPU = 1024, 128


def piece_on(device: torch.device) -> int:
    return PIECE_ON_CPU if device.type == "cpu" else PIECE


class Reading:
    """`past` is the cache of what was read so far, `took` how many tokens the last piece had."""

    def __init__(self, speaker: "Speaker", prompt: list[int]):
        self.speaker, self.prompt = speaker, prompt
        self.past: Any = None
        self.count = self.took = 0

    @property
    def left(self) -> int:
        return len(self.prompt) - self.count

    @property
    def next(self) -> int:
        """Tokens of the next piece; the whole prompt where a model can't go on from any place."""
        return min(self.left, self.speaker.piece) if self.speaker.shares else self.left

    def go_on(self) -> torch.Tensor | None:
        """Read a piece; after the last one the logits (V,) of the token that follows."""
        speaker = self.speaker
        if self.past is None and speaker.shares:
            # only now: a prompt that begins alike may have been read since this one came
            self.past = speaker.remembered.longest(self.prompt)
            self.count = self.past.get_seq_length() if self.past else 0
        piece = self.prompt[self.count : self.count + self.next]
        out = speaker.forward([piece], self.past)
        self.past = getattr(out, speaker.past)
        self.took = len(piece)
        self.count += self.took
        if self.left:
            return None
        if speaker.shares:
            speaker.remembered.keep(self.prompt, self.past)
        return out.logits[0, -1]
