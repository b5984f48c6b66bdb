"""Rows to batches: packed as a prefix tree (what rows share is computed once), or padded by length.

In the tree every distinct prefix is stored once, in the order of a depth-first walk. A token then sees
exactly its own past: token j is an ancestor of token i (or i itself) if j <= i < ends[j], where ends[j] is
the position behind the last token below j. Positions count from the row's own start, so each row computes
what it would alone.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from providers.gpu.options import Options
from providers.gpu.template import TokenRow

WINDOW_STEPS = 32  # steps over which padded rows are sorted by length
# Attention under a mask costs the square of what is computed at once; a processor gains nothing beyond this.
BUDGET = {"cpu": 768, "cuda": 8192}


def token_budget(options: Options, device: str) -> int:
    """Tokens to compute at once."""
    return options.batch_tokens or BUDGET[torch.device(device).type]


@dataclass(frozen=True)
class Batch:
    """B sequences of L tokens (a tree has B = 1), and T places where a trained token is predicted."""

    tokens: torch.Tensor  # (B, L)
    positions: torch.Tensor  # (B, L)
    ends: torch.Tensor | None  # (L,) of a tree
    attended: torch.Tensor | None  # (B, L) of padded rows: 1 for tokens, 0 for padding
    places: torch.Tensor  # (T,) index into the B * L tokens
    targets: torch.Tensor  # (T,) the token to predict there
    rows: torch.Tensor  # (T,) index of the row it belongs to
    paths: Sequence[np.ndarray]  # of each row: index of its tokens into the B * L

    def to(self, device: str) -> "Batch":
        moved = {
            name: value.to(device) if isinstance(value, torch.Tensor) else value
            for name, value in vars(self).items()
        }
        return Batch(**moved)

    def mask(self, dtype: torch.dtype) -> torch.Tensor:
        """What `attention_mask` takes: (1, 1, L, L) additive for a tree, (B, L) for padded rows."""
        if self.ends is not None:
            return tree_mask(self.ends, dtype)
        assert self.attended is not None
        return self.attended


def shared_length(first: np.ndarray, second: np.ndarray) -> int:
    """How many tokens two rows have in common from their start on."""
    length = min(len(first), len(second))
    differ = np.flatnonzero(first[:length] != second[:length])
    return int(differ[0]) if len(differ) else length


def pack(rows: Sequence[TokenRow], budget: int, shared: bool, pad: int = 0) -> list[Batch]:
    """Batches of at most `budget` computed tokens each (more only where one row is longer).

    `Batch.rows` counts in the order of `rows`.
    """
    if not rows:
        return []
    arrays = [np.asarray(row.tokens, np.int64) for row in rows]
    if shared:
        groups = tree_groups([row.tokens for row in rows], budget)
        return [_tree(group, [arrays[i] for i in group], rows) for group in groups]
    order = sorted(range(len(rows)), key=lambda i: (len(arrays[i]), i))
    groups = _padded_groups(arrays, order, budget)
    return [_padded(group, [arrays[i] for i in group], rows, pad) for group in groups]


def together(rows: Sequence[TokenRow]) -> tuple[Batch, list[np.ndarray]]:
    """All rows as one tree, and the path of each in it, in the order of `rows`."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i].tokens, i))
    batch = _tree(order, [np.asarray(rows[i].tokens, np.int64) for i in order], rows)
    paths = dict(zip(order, batch.paths, strict=True))
    return batch, [paths[i] for i in range(len(rows))]


def tree_groups(rows: Sequence[list[int]], budget: int, most: int = 1_000_000) -> Iterable[list[int]]:
    """Rows by index, in groups of at most `most` whose distinct tokens stay within the budget.

    Where the first row alone takes much of the budget, as many tokens again are granted: a group of its own
    for each row would compute what they share as often.
    """
    arrays = [np.asarray(row, np.int64) for row in rows]
    group: list[int] = []
    used = limit = 0
    # neighbours in lexicographic order share the most
    for i in sorted(range(len(rows)), key=lambda i: (rows[i], i)):
        new = len(arrays[i]) - (shared_length(arrays[group[-1]], arrays[i]) if group else 0)
        if group and (used + new > limit or len(group) == most):
            yield group
            group, used, new = [], 0, len(arrays[i])
        if not group:
            limit = max(budget, new + min(new, budget))
        group.append(i)
        used += new
    if group:
        yield group


def _padded_groups(arrays: list[np.ndarray], order: list[int], budget: int) -> Iterable[list[int]]:
    group: list[int] = []
    for i in order:
        # `order` rises in length, so this row is the longest
        if group and (len(group) + 1) * len(arrays[i]) > budget:
            yield group
            group = []
        group.append(i)
    yield group


class Tree(NamedTuple):
    """Rows merged where they begin alike; `paths[i]` says where the tokens of row i lie."""

    tokens: torch.Tensor  # (L,)
    positions: torch.Tensor  # (L,)
    ends: torch.Tensor  # (L,)
    paths: list[np.ndarray]


def merge(arrays: Sequence[np.ndarray]) -> Tree:
    """The prefix tree of rows in lexicographic order."""
    tokens: list[np.ndarray] = []
    positions: list[np.ndarray] = []
    paths = [np.zeros(0, np.int64)]
    ends = np.zeros(sum(map(len, arrays)), np.int64)
    before = np.zeros(0, np.int64)
    size = 0
    for row in arrays:
        shared = shared_length(before, row)
        ends[paths[-1][shared:]] = size
        new = len(row) - shared
        tokens.append(row[shared:])
        positions.append(np.arange(shared, len(row)))
        paths.append(np.concatenate([paths[-1][:shared], np.arange(size, size + new)]))
        size, before = size + new, row
    ends[paths[-1]] = size
    return Tree(
        torch.from_numpy(np.concatenate(tokens)),
        torch.from_numpy(np.concatenate(positions)),
        torch.from_numpy(ends[:size].copy()),
        paths[1:],
    )


def tree_mask(ends: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """(1, 1, L, L), additive: 0 where token i sees token j, the lowest number where it doesn't."""
    at = torch.arange(len(ends), device=ends.device)
    visible = (at[None, :] <= at[:, None]) & (at[:, None] < ends[None, :])
    hidden = torch.full(visible.shape, torch.finfo(dtype).min, dtype=dtype, device=at.device)
    return hidden.masked_fill_(visible, 0.0)[None, None]


def _tree(group: list[int], arrays: list[np.ndarray], rows: Sequence[TokenRow]) -> Batch:
    tree = merge(arrays)
    places = [path[np.flatnonzero(rows[i].trained) - 1] for i, path in zip(group, tree.paths, strict=True)]
    return Batch(
        tokens=tree.tokens[None],
        positions=tree.positions[None],
        ends=tree.ends,
        attended=None,
        places=torch.from_numpy(np.concatenate(places)),
        paths=tree.paths,
        **_targets(group, rows),
    )


def _padded(group: list[int], arrays: list[np.ndarray], rows: Sequence[TokenRow], pad: int) -> Batch:
    longest = max(map(len, arrays))
    tokens = np.full((len(arrays), longest), pad, np.int64)
    attended = np.zeros((len(arrays), longest), np.int64)
    places, paths = [], []
    for line, (i, row) in enumerate(zip(group, arrays, strict=True)):
        # padding stands at the end, where no token of the row sees it
        tokens[line, : len(row)] = row
        attended[line, : len(row)] = 1
        paths.append(np.arange(len(row)) + line * longest)
        places.append(paths[-1][np.flatnonzero(rows[i].trained) - 1])
    return Batch(
        tokens=torch.from_numpy(tokens),
        positions=torch.arange(longest).repeat(len(arrays), 1),
        ends=None,
        attended=torch.from_numpy(attended),
        places=torch.from_numpy(np.concatenate(places)),
        paths=paths,
        **_targets(group, rows),
    )


def _targets(group: list[int], rows: Sequence[TokenRow]) -> dict[str, torch.Tensor]:
    trained = [np.flatnonzero(rows[i].trained) for i in group]
    targets = [np.asarray(rows[i].tokens, np.int64)[at] for i, at in zip(group, trained, strict=True)]
    owners = [np.full(len(at), i) for i, at in zip(group, trained, strict=True)]
    return {
        "targets": torch.from_numpy(np.concatenate(targets)),
        "rows": torch.from_numpy(np.concatenate(owners)),
    }


def steps_of_epoch(
    lengths: Sequence[int], batch: int, seed: int, epoch: int, by_length: bool
) -> list[list[int]]:
    """The examples of each optimiser step; the same for the same seed and epoch.

    `by_length` sorts within windows of steps, so that padded rows of a step have about one length.
    """
    shuffle = random.Random(f"{seed} {epoch}").shuffle
    order = list(range(len(lengths)))
    shuffle(order)
    if by_length:
        window = batch * WINDOW_STEPS
        parts = [order[i : i + window] for i in range(0, len(order), window)]
        order = [i for part in parts for i in sorted(part, key=lambda i: lengths[i])]
    steps = [order[i : i + batch] for i in range(0, len(order), batch)]
    if by_length:
        shuffle(steps)
    return steps
