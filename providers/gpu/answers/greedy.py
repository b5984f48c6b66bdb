"""Greedy answers to many prompts at once: what they share is read once, and rows that are done drop out."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from providers.gpu.training.batching import merge, tree_mask

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

ROWS_AT_ONCE = 64


@torch.inference_mode()
def answer(
    model: "PreTrainedModel",
    prompts: Sequence[list[int]],
    end_ids: frozenset[int],
    count: int,
    check: Callable[[], None],
) -> list[list[int]]:
    """Answers of at most `count` tokens, without the end token; for architectures that follow a prefix tree.

    `check` is called before every token, to stop.
    """
    order = sorted(range(len(prompts)), key=lambda i: prompts[i])
    answers: list[list[int]] = [[] for _ in prompts]
    reader = _Reader(model, [prompts[i] for i in order])
    going = order
    for _ in range(count):
        check()
        chosen = reader.likeliest()
        alive = [place for place, token in enumerate(chosen) if token not in end_ids]
        for place in alive:
            answers[going[place]].append(chosen[place])
        if not alive:
            break
        if len(alive) < len(going):
            reader.keep(alive)
            going = [going[place] for place in alive]
        reader.read([chosen[place] for place in alive])
    return answers


class _Reader:
    """The keys and values of B prompts, and the states behind their last tokens."""

    def __init__(self, model: "PreTrainedModel", prompts: list[list[int]]):
        self.decoder, self.head, self.model = model.get_decoder(), model.get_output_embeddings(), model
        tree = merge([np.asarray(prompt, np.int64) for prompt in prompts])
        width = max(len(path) for path in tree.paths)
        places = np.zeros((len(prompts), width), np.int64)
        self.mask = torch.full((len(prompts), 1, 1, width), torch.finfo(model.dtype).min, dtype=model.dtype)
        for row, path in enumerate(tree.paths):
            # short prompts are padded on the left, so that all go on at the same place
            places[row, width - len(path) :] = path
            self.mask[row, :, :, width - len(path) :] = 0
        self.mask = self.mask.to(model.device)
        self.positions = torch.tensor([len(path) for path in tree.paths], device=model.device)
        read = self.decoder(
            input_ids=tree.tokens[None].to(model.device),
            position_ids=tree.positions[None].to(model.device),
            attention_mask=tree_mask(tree.ends, model.dtype).to(model.device),
            use_cache=True,
        )
        at = torch.from_numpy(places).to(model.device)
        self.states = read.last_hidden_state[0, at[:, -1]]
        self.cache = self._spread(read.past_key_values, at)

    def _spread(self, cache: "DynamicCache", at: torch.Tensor) -> "DynamicCache":
        """The tree's keys and values, laid out row by row: `at` is (B, width)."""
        from transformers import DynamicCache

        spread = DynamicCache()
        for number, layer in enumerate(cache.layers):
            parts = (part[0][:, at].transpose(0, 1).contiguous() for part in (layer.keys, layer.values))
            spread.update(*parts, number)
        return spread

    def likeliest(self) -> list[int]:
        # scaling or capping of logits, which some architectures do, leaves their order as it is
        return [int(token) for token in self.head(self.states).argmax(-1)]

    def keep(self, rows: list[int]) -> None:
        at = torch.tensor(rows, device=self.mask.device)
        self.cache.batch_select_indices(at)
        self.mask, self.positions = self.mask[at], self.positions[at]

    def read(self, tokens: list[int]) -> None:
        self.mask = torch.cat([self.mask, self.mask.new_zeros(len(tokens), 1, 1, 1)], -1)
        read = self.decoder(
            input_ids=torch.tensor(tokens, device=self.mask.device)[:, None],
            position_ids=self.positions[:, None],
            attention_mask=self.mask,
            past_key_values=self.cache,
            use_cache=True,
        )
        self.states = read.last_hidden_state[:, -1]
        self.positions = self.positions + 1


@torch.inference_mode()
def answer_padded(
    model: "PreTrainedModel", prompts: Sequence[list[int]], end_ids: frozenset[int], count: int, pad: int
) -> list[list[int]]:
    """The same for architectures that don't: padded on the left, by transformers' own `generate`."""
    width = max(map(len, prompts))
    tokens = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts])
    attended = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    out = model.generate(
        tokens.to(model.device),
        attention_mask=attended.to(model.device),
        max_new_tokens=count,
        do_sample=False,
        eos_token_id=sorted(end_ids),
        pad_token_id=pad,
    )
    answers = [row[width:].tolist() for row in out]
    ends = [next((i for i, token in enumerate(row) if token in end_ids), len(row)) for row in answers]
    return [row[:end] for row, end in zip(answers, ends, strict=True)]
