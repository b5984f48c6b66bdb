"""Greedy answers to many prompts at once: what they share is read once, and rows that are done drop out."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from providers.gpu.answers.past import add_rows
from providers.gpu.template import TokenRow
from providers.gpu.training.batching import together
from providers.gpu.training.scoring import Scorer

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

ROWS_AT_ONCE = 64


class Pasts:
    """What a model has read of B prompts: keys and values row by row, the states behind their last tokens.

    Short prompts are padded on the left, so that all go on at the same place.
    """

    def __init__(self, scorer: Scorer, cache: "DynamicCache", lengths: torch.Tensor, states: torch.Tensor):
        self.decoder, self.head = scorer.decoder, scorer.model.get_output_embeddings()
        self.cache, self.lengths, self.states = cache, lengths, states

    @property
    def width(self) -> int:
        return self.cache.get_seq_length()

    def has_room_for(self, other: "Pasts", tokens: int) -> bool:
        """Whether both can go on together, of so many tokens at most."""
        rows = len(self.lengths) + len(other.lengths)
        return rows <= ROWS_AT_ONCE and rows * max(self.width, other.width) <= tokens

    def joined(self, other: "Pasts") -> Self:
        """With the other's rows behind these."""
        add_rows(self.cache, other.cache)
        self.lengths = torch.cat([self.lengths, other.lengths])
        self.states = torch.cat([self.states, other.states])
        return self

    def likeliest(self) -> list[int]:
        # scaling or capping of logits, which some architectures do, leaves their order as it is
        return [int(token) for token in self.head(self.states).argmax(-1)]

    def keep(self, rows: list[int]) -> None:
        at = torch.tensor(rows, device=self.lengths.device)
        self.cache.batch_select_indices(at)
        self.lengths = self.lengths[at]

    def read(self, tokens: list[int]) -> None:
        places = torch.arange(self.width + 1, device=self.lengths.device)
        read = self.decoder(
            input_ids=torch.tensor(tokens, device=self.lengths.device)[:, None],
            position_ids=self.lengths[:, None],
            attention_mask=(places >= self.width - self.lengths[:, None]).long(),
            past_key_values=self.cache,
            use_cache=True,
        )
        self.states = read.last_hidden_state[:, -1]
        self.lengths = self.lengths + 1


@torch.inference_mode()
def read(
    scorer: Scorer, rows: Sequence[TokenRow], prompts: Sequence[list[int]]
) -> tuple[torch.Tensor, torch.Tensor, Pasts]:
    """Read rows and prompts once, for architectures that follow a prefix tree.

    Gives (T,) the loss of each trained token of the rows, (T,) the row it belongs to, and the prompts' pasts.
    """
    batch, paths = together([*rows, *(TokenRow(prompt, [False] * len(prompt)) for prompt in prompts)])
    paths = paths[len(rows) :]
    ends = torch.from_numpy(np.array([path[-1] for path in paths]))
    losses, states, cache = scorer.read(batch, ends)
    width = max(map(len, paths))
    places = np.zeros((len(paths), width), np.int64)
    for line, path in zip(places, paths, strict=True):
        line[width - len(path) :] = path
    lengths = torch.tensor([len(path) for path in paths], device=states.device)
    at = torch.from_numpy(places).to(states.device)
    return losses, batch.rows, Pasts(scorer, _laid_out(cache, at), lengths, states)


def _laid_out(cache: "DynamicCache", at: torch.Tensor) -> "DynamicCache":
    """A tree's keys and values row by row: `at` is (B, width)."""
    from transformers import DynamicCache

    rows = DynamicCache()
    for number, layer in enumerate(cache.layers):
        parts = (part[0][:, at].transpose(0, 1).contiguous() for part in (layer.keys, layer.values))
        rows.update(*parts, number)
    return rows


@torch.inference_mode()
def answer(pasts: Pasts, end_ids: frozenset[int], count: int, check: Callable[[], None]) -> list[list[int]]:
    """Answers of at most `count` tokens, without the end token.

    `check` is called before every token, to stop.
    """
    answers: list[list[int]] = [[] for _ in pasts.lengths]
    going = list(range(len(answers)))
    for _ in range(count):
        check()
        chosen = pasts.likeliest()
        alive = [place for place, token in enumerate(chosen) if token not in end_ids]
        for place in alive:
            answers[going[place]].append(chosen[place])
        if not alive:
            break
        if len(alive) < len(going):
            pasts.keep(alive)
            going = [going[place] for place in alive]
        pasts.read([chosen[place] for place in alive])
    return answers


@torch.inference_mode()
def answer_padded(
    model: "PreTrainedModel", prompts: Sequence[list[int]], end_ids: frozenset[int], count: int, pad: int
) -> list[list[int]]:
    """The same for architectures that don't: padded on the left, by transformers' own `generate`."""
    from transformers import GenerationConfig

    # not what the base's makers advise for its own answers, such as a penalty on what was said before
    advised, model.generation_config = model.generation_config, GenerationConfig()
    try:
        return _generated(model, prompts, end_ids, count, pad)
    finally:
        model.generation_config = advised


def pads(model: "PreTrainedModel") -> bool:
    """Whether a prompt that is padded on the left is answered as it is alone."""
    short, long = [7, 5, 3], [11, 13, 17, 2, 19, 23]
    first = [_first_logits(model, [short]), _first_logits(model, [long, short])]
    alike = 0.1 if first[0].dtype == torch.bfloat16 else 1e-3
    return bool((first[0][-1] - first[1][-1]).norm() <= alike * first[0][-1].norm())


@torch.inference_mode()
def _first_logits(model: "PreTrainedModel", prompts: Sequence[list[int]]) -> torch.Tensor:
    """(B, V), of the token that follows each prompt."""
    tokens, attended = _padded(prompts, 0)
    out = model.generate(
        tokens.to(model.device),
        attention_mask=attended.to(model.device),
        max_new_tokens=1,
        do_sample=False,
        return_dict_in_generate=True,
        output_logits=True,
        pad_token_id=0,
    )
    first: torch.Tensor = out.logits[0]
    return first


def _padded(prompts: Sequence[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, L) tokens, padded on the left, and where they are none of the padding."""
    width = max(map(len, prompts))
    tokens = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts])
    attended = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return tokens, attended


def _generated(
    model: "PreTrainedModel", prompts: Sequence[list[int]], end_ids: frozenset[int], count: int, pad: int
) -> list[list[int]]:
    if count < 1:
        return [[] for _ in prompts]
    tokens, attended = _padded(prompts, pad)
    out = model.generate(
        tokens.to(model.device),
        attention_mask=attended.to(model.device),
        max_new_tokens=count,
        do_sample=False,
        eos_token_id=sorted(end_ids) or None,
        pad_token_id=pad,
    )
    answers = [row[tokens.shape[1] :].tolist() for row in out]
    ends = [next((i for i, token in enumerate(row) if token in end_ids), len(row)) for row in answers]
    return [row[:end] for row, end in zip(answers, ends, strict=True)]
