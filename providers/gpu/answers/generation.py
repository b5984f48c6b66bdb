"""Answers of a base model or an adapter, one as a stream or several at the same time."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch

from errors import LuthierError, TooLong
from providers.gpu.answers.form import Guide
from providers.gpu.answers.past import Remembered, Rows, is_plain, past_name
from providers.gpu.answers.reading import Reading, piece_on
from providers.gpu.answers.wording import Wording
from providers.gpu.template import Template
from records import ChatOptions, Message, Usage, Weighed

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
        self.count = int(model.config.get_text_config().vocab_size)
        self.past = past_name(model)
        self.shares = is_plain(model.config)
        self.remembered = Remembered()
        self.piece = piece_on(model.device)

    def stream(self, messages: Sequence[Message], options: ChatOptions) -> Iterator[str | Weighed | Usage]:
        """Pieces of the answer, then the usage. Raises TooLong if the dialogue is longer than the context."""
        chorus = Chorus(self)
        chorus.join(None, messages, options)
        while not chorus.silent:
            chorus.read()
            for _, piece in chorus.step():
                if isinstance(piece, LuthierError):
                    raise piece
                yield piece

    @cached_property
    def guide(self) -> Guide:
        return Guide(self.template.folder, self.end_ids)

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
    """One of the answers: whose it is, what is said so far, and the prompt that it follows."""

    key: Hashable
    wording: Wording
    reading: Reading


class Chorus:
    """Answers of one speaker that go on together, a token each a step; who is done or leaves makes room.

    Between two steps `read` brings those nearer to their first token whose prompts are still being read.
    """

    def __init__(self, speaker: Speaker):
        self.speaker = speaker
        self.most = AT_ONCE if speaker.shares else 1
        self.voices: list[Voice] = []
        self.unread: list[Voice] = []
        self.rows = Rows()
        self.logits: list[torch.Tensor] = []

    @property
    def keys(self) -> list[Hashable]:
        return [voice.key for voice in (*self.voices, *self.unread)]

    @property
    def full(self) -> bool:
        return len(self.keys) >= self.most

    @property
    def silent(self) -> bool:
        return not self.keys

    @property
    def nearest(self) -> Voice | None:
        """Whose prompt is read next: the one with the least left, so that a short one passes a long one by,
        and of prompts that begin alike the first is read before the others look what is known of them."""
        return min(self.unread, key=lambda voice: voice.reading.left, default=None)

    def join(self, key: Hashable, messages: Sequence[Message], options: ChatOptions) -> None:
        """Take the dialogue; its answer begins when it has been read.

        Raises TooLong for one that is longer than the context, InvalidData if the template refuses it,
        BadOption for options that it can't follow.
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
        wanted = options.more.get("response_format")
        form = speaker.guide.form(wanted) if wanted else None
        wording = Wording(speaker.template, speaker.end_ids, len(prompt), options, room, speaker.count, form)
        self.unread.append(Voice(key, wording, Reading(speaker, prompt)))

    def read(self) -> None:
        """The next piece of the prompt that is `nearest`; once read, its answer begins with the next step."""
        voice = self.nearest
        if voice is None:
            return
        logits = voice.reading.go_on()
        if logits is not None:
            self.unread.remove(voice)
            self.rows.join(voice.reading.past, len(voice.reading.prompt))
            self.logits.append(logits)
            self.voices.append(voice)

    def leave(self, *keys: Hashable) -> None:
        self.unread = [voice for voice in self.unread if voice.key not in keys]
        self._keep([place for place, voice in enumerate(self.voices) if voice.key not in keys])

    def step(self) -> Iterator[tuple[Hashable, str | Weighed | Usage | LuthierError]]:
        """A token of each answer: what it adds, the usage last, or what kept it from going on.
        To be read to its end."""
        for voice, logits in zip(self.voices, self.logits, strict=True):
            try:
                for piece in voice.wording.take(logits):
                    yield voice.key, piece
            except LuthierError as error:
                # of this answer alone
                voice.wording.done = True
                yield voice.key, error
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
