"""Keys and values of what a model has read: rows side by side, and prompts that the next ones begin like."""

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import pad

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedConfig

SHORTEST_SHARED = 8  # tokens, below which reading again is as quick
MOST_REMEMBERED = 2048  # tokens of prompts whose keys and values are kept


def past_name(model: Any) -> str:
    """What the model calls the past that it gives and goes on from; empty where it has none."""
    model = model.get_base_model() if hasattr(model, "get_base_model") else model
    known = inspect.signature(model.forward).parameters
    return next((name for name in ("past_key_values", "cache_params") if name in known), "")


def is_plain(config: "PreTrainedConfig") -> bool:
    """Whether every layer keeps keys and values of all tokens: then rows can join and prompts be shared."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=config).layers)


def part_of(cache: "DynamicCache", count: int) -> "DynamicCache":
    """A cache of the first tokens of another one, which stays as it is."""
    from transformers import DynamicCache

    part = DynamicCache()
    for number, layer in enumerate(cache.layers):
        part.update(layer.keys[:, :, :count], layer.values[:, :, :count], number)
    return part


class Remembered:
    """Prompts that were read lately by one model: the system message is read once, a dialogue goes on."""

    def __init__(self) -> None:
        self.prompts: list[tuple[list[int], DynamicCache]] = []

    def longest(self, prompt: list[int]) -> "DynamicCache | None":
        """What is known of its beginning; at least the last token is left to be read."""
        best, count = None, 0
        for known, cache in self.prompts:
            shared = min(alike(known, prompt), len(prompt) - 1)
            if shared > count:
                best, count = cache, shared
        return part_of(best, count) if best is not None and count >= SHORTEST_SHARED else None

    def keep(self, prompt: list[int], cache: "DynamicCache") -> None:
        """Its beginning, in place of those that it begins like, and of the oldest."""
        head = prompt[:MOST_REMEMBERED]
        others = [pair for pair in self.prompts if alike(pair[0], head) < len(pair[0])]
        room = MOST_REMEMBERED - len(head)
        while others and sum(len(known) for known, _ in others) > room:
            others.pop(0)
        self.prompts = [*others, (head, part_of(cache, len(head)))]


def alike(one: list[int], other: list[int]) -> int:
    """How many tokens both begin with."""
    return next(
        (place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )


class Rows:
    """The pasts of several answers, one row each; short ones are padded on the left."""

    def __init__(self) -> None:
        self.cache: DynamicCache | None = None
        self.lengths: list[int] = []

    def join(self, cache: "DynamicCache", length: int) -> None:
        if self.cache is None:
            self.cache = cache
        else:
            add_rows(self.cache, cache)
        self.lengths.append(length)

    def keep(self, rows: list[int]) -> None:
        """Drop the other rows, and the padding that only they needed."""
        self.lengths = [self.lengths[row] for row in rows]
        if not rows or self.cache is None:
            self.cache = None
            return
        at = torch.tensor(rows, device=self.cache.layers[0].keys.device)
        self.cache.batch_select_indices(at)
        width = max(self.lengths)
        for layer in self.cache.layers:
            layer.keys, layer.values = layer.keys[:, :, -width:], layer.values[:, :, -width:]

    def mask(self) -> torch.Tensor | None:
        """(B, width + 1): which places the next tokens see; None if that is all of them."""
        if len(set(self.lengths)) == 1:
            return None
        width = max(self.lengths) + 1
        places = torch.arange(width)[None]
        return (places >= width - 1 - torch.tensor(self.lengths)[:, None]).long()


def add_rows(cache: "DynamicCache", other: "DynamicCache") -> None:
    """The other's rows behind those of a cache; whichever is shorter is padded on the left."""
    width = max(cache.get_seq_length(), other.get_seq_length())
    for mine, new in zip(cache.layers, other.layers, strict=True):
        mine.keys = torch.cat([_wide(mine.keys, width), _wide(new.keys, width)])
        mine.values = torch.cat([_wide(mine.values, width), _wide(new.values, width)])


def _wide(values: torch.Tensor, width: int) -> torch.Tensor:
    """(B, H, L, D), padded on the left to L = width."""
    missing = width - values.shape[2]
    return pad(values, (0, 0, missing, 0)) if missing else values
