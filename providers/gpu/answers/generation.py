"""Answers of a base model or an adapter, one as a stream or several at the same time."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import torch

from errors import TooLong
from providers.gpu.answers.past import Remembered, Rows, is_plain, past_name
from providers.gpu.answers.wording import Wording
from providers.gpu.template import Template
from records import ChatOptions, Message, Usage

UNBOUNDED = 32_768  # tokens, where the model itself sets no limit
AT_ONCE = 16  # answers that are given at the same time


class Speaker:
    """A loaded model with the template it is spoken to in. `ready` puts its adapter in place, if it shares
    the base with others."""

    def __init__(self, model: Any, template: Template, ready: Callable[[], None] = lambda: None):
        self.model, self.template, self.ready = model, template, ready
        eos = model.generation_config.eos_token_id
        more = [] if eos is None else eos if isinstance(eos, list) else [eos]
        self.end_ids = template.end_ids | set(more)
        self.context = context(model.config)
        self.past = past_name(model)
        self.shares = is_plain(model.config)
        self.remembered = Remembered()

    def stream(self, messages: Sequence[Message], options: ChatOptions) -> Iterator[str | Usage]:
        """Pieces of the answer, then the usage. Raises TooLong if the dialogue is longer than the context."""
        chorus = Chorus(self)
        chorus.join(None, messages, options)
        while chorus.voices:
            for _, piece in chorus.step():
                yield piece

    def read(self, prompt: list[int]) -> tuple[Any, torch.Tensor]:
        """The past of a prompt (its cache), and the logits (V,) of the token that follows."""
        known = self.remembered.longest(prompt) if self.shares else None
        start = known.get_seq_length() if known else 0
        out = self.forward([prompt[start:]], known)
        past = getattr(out, self.past)
        if self.shares:
            self.remembered.keep(prompt, past)
        return past, out.logits[0, -1]

    def forward(self, tokens: list[list[int]], known: Any, **more: Any) -> Any:
        self.ready()
        # inference mode belongs to the thread, and a generator's body may continue in another one
        with torch.inference_mode():
            fresh = torch.tensor(tokens, device=self.model.device)
            more |= {self.past: known}
            return self.model(input_ids=fresh, use_cache=True, logits_to_keep=1, **more)


def context(config: Any) -> int:
    """Tokens that the model reads at once; some architectures (Mamba, MPT's positions) know no end."""
    settings = config.get_text_config()
    return int(getattr(settings, "max_position_embeddings", None) or UNBOUNDED)


class Voice(NamedTuple):
    """One of the answers: whose it is, what is said so far."""

    key: Hashable
    wording: Wording


class Chorus:
    """Answers of one speaker that go on together, a token each a step; who is done or leaves makes room."""

    def __init__(self, speaker: Speaker):
        self.speaker = speaker
        self.most = AT_ONCE if speaker.shares else 1
        self.voices: list[Voice] = []
        self.rows = Rows()
        self.logits: list[torch.Tensor] = []

    @property
    def full(self) -> bool:
        return len(self.voices) >= self.most

    def join(self, key: Hashable, messages: Sequence[Message], options: ChatOptions) -> None:
        """Read the dialogue; its answer begins with the next step.

        Raises TooLong for one that is longer than the context, InvalidData if the template refuses it.
        """
        speaker = self.speaker
        prompt = speaker.template.prompt(messages)
        room = speaker.context - len(prompt)
        if room < 1:
            raise TooLong(
                f"The conversation has {len(prompt)} tokens; "
                f"the model reads at most {speaker.context} at once.",
                "Start a new conversation, or send fewer of the earlier messages.",
            )
        cache, logits = speaker.read(prompt)
        self.rows.join(cache, len(prompt))
        self.logits.append(logits)
        self.voices.append(Voice(key, Wording(speaker.template, speaker.end_ids, len(prompt), options, room)))

    def leave(self, key: Hashable) -> None:
        self._keep([place for place, voice in enumerate(self.voices) if voice.key != key])

    def step(self) -> Iterator[tuple[Hashable, str | Usage]]:
        """A token of each answer: what it adds, the usage last. To be read to its end."""
        for voice, logits in zip(self.voices, self.logits, strict=True):
            for piece in voice.wording.take(logits):
                yield voice.key, piece
        self._keep([place for place, voice in enumerate(self.voices) if not voice.wording.done])
        if self.voices:
            self._read([voice.wording.tokens[-1] for voice in self.voices])

    def _keep(self, places: list[int]) -> None:
        if len(places) < len(self.voices):
            self.rows.keep(places)
            self.voices = [self.voices[place] for place in places]
            self.logits = [self.logits[place] for place in places]

    def _read(self, tokens: list[int]) -> None:
        rows, device = self.rows, self.speaker.model.device
        mask, more = rows.mask(), {}
        if mask is not None:
            places = torch.tensor(rows.lengths, device=device)[:, None]
            more = {"attention_mask": mask.to(device), "position_ids": places}
        out = self.speaker.forward([[token] for token in tokens], rows.cache, **more)
        rows.cache = getattr(out, self.speaker.past)
        rows.lengths = [length + 1 for length in rows.lengths]
        self.logits = list(out.logits[:, -1])
