"""The loss on held-out examples while training: which state of the adapter to keep, and when to stop."""

import math
from collections.abc import Callable, Sequence

import torch

from providers.gpu.template import TokenRow
from providers.gpu.training.batching import pack
from providers.gpu.training.peers import ALONE, Peers
from providers.gpu.training.scoring import Scorer

SHARE = 0.1  # of the tokens that are trained on, at most, are read again to measure
FEW_EPOCHS, LONG_EPOCH, PARTS = 3, 40, 4
FORWARD = 1 / 3  # what reading a token costs, of what learning from it does


def measured_every(steps_per_epoch: int, epochs: int) -> int:
    """Steps between measurements: an epoch, or a quarter of one where there are few and long ones."""
    if epochs >= FEW_EPOCHS or steps_per_epoch < LONG_EPOCH:
        return steps_per_epoch
    return math.ceil(steps_per_epoch / PARTS)


class Watch:
    """Measures the loss of as many held-out rows as the time allows; the same ones each time.

    `trained_tokens`: tokens that are trained on between two measurements.
    """

    def __init__(
        self,
        scorer: Scorer,
        examples: Sequence[Sequence[TokenRow]],
        trained_tokens: float,
        budget: int,
        peers: Peers = ALONE,
    ):
        self.scorer, self.peers = scorer, peers
        self.rows = spread(examples, SHARE * trained_tokens / FORWARD)
        self.count = sum(sum(row.trained) for row in self.rows)
        mine = [self.rows[i] for i in peers.share([len(row.tokens) for row in self.rows])]
        self.batches = pack(mine, budget, scorer.shares) if mine else []

    @torch.no_grad()
    def measure(self, check: Callable[[], None]) -> float | None:
        """Mean loss of the trained tokens in nats; None where nothing is held out."""
        if not self.count:
            return None
        total = torch.tensor(self.peers.together(lambda: self._sum(check)), dtype=torch.float64)
        self.peers.add_up([total])
        return float(total) / self.count

    def _sum(self, check: Callable[[], None]) -> float:
        """Over the rows that are this process's to read."""
        total = 0.0
        for batch in self.batches:
            check()
            total += float(self.scorer.losses(batch).double().sum())
        return total


def spread(examples: Sequence[Sequence[TokenRow]], tokens: float) -> list[TokenRow]:
    """Rows of examples at even distances, at least eight, of about so many tokens together."""
    total = sum(len(row.tokens) for rows in examples for row in rows)
    stride = max(1, min(math.ceil(total / max(tokens, 1)), len(examples) // 8))
    return [row for rows in examples[::stride] for row in rows if any(row.trained)]
