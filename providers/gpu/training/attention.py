"""Attention along a prefix tree: a stretch of tokens meets the tokens that it can see, and no others.

Under a dense mask the cost is the square of all tokens; here it is what each row would pay alone, what rows
share paid once. On processors torch's own masked form also goes back four times slower.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "luthier"
STRETCH = 64  # tokens; shorter ones waste time between products, longer ones see more that is hidden


class Stretch(NamedTuple):
    """Tokens start … stop - 1, the K places they see, and (stop - start, K): 0, or -inf where hidden."""

    start: int
    stop: int
    keys: torch.Tensor
    bias: torch.Tensor


def stretches(ends: torch.Tensor, dtype: torch.dtype, length: int = STRETCH) -> list[Stretch]:
    """Of a tree (see batching.py): token j is seen by token i if j <= i < ends[j]."""
    made = []
    for start in range(0, len(ends), length):
        stop = min(start + length, len(ends))
        # whoever is seen from the stretch and stands before it, is seen from its first token
        before = torch.nonzero(ends[:start] > start)[:, 0]
        keys = torch.cat([before, torch.arange(start, stop)])
        at = torch.arange(start, stop)[:, None]
        hidden = (keys[None] > at) | (at >= ends[keys][None])
        bias = torch.zeros(hidden.shape, dtype=dtype).masked_fill_(hidden, float("-inf"))
        made.append(Stretch(start, stop, keys, bias))
    return made


class TreeAttention(torch.autograd.Function):
    """softmax(scale q k' + mask) v of one sequence, the attention weights kept for the way back.

    q (1, H, L, D); k, v (1, G, L, D), where each of the G heads serves H / G of q's; gives (1, L, H, D).
    """

    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, tree: Sequence[Stretch], scale: float
    ) -> torch.Tensor:
        _, heads, length, size = q.shape
        groups = k.shape[1]
        ratio = heads // groups
        # (G, L, H / G, D): the queries of a stretch that meet one head of k are then one matrix
        asking = q.new_empty(groups, length, ratio, size)
        q = torch.mul(q.view(groups, ratio, length, size).transpose(1, 2), scale, out=asking)
        k, v = k[0].contiguous(), v[0].contiguous()
        out = q.new_empty(length, groups, ratio, size)
        weights = []
        for start, stop, keys, bias in tree:
            asked = q[:, start:stop].reshape(groups, -1, size)
            scores = torch.bmm(asked, k.index_select(1, keys).transpose(1, 2))
            scores.view(groups, stop - start, ratio, len(keys)).add_(bias[:, None])
            weights.append(scores.softmax(-1))
            seen = torch.bmm(weights[-1], v.index_select(1, keys))
            out[start:stop] = seen.view(groups, stop - start, ratio, size).transpose(0, 1)
        ctx.save_for_backward(q, k, v, *weights)
        ctx.tree, ctx.scale = tree, scale
        return out.view(1, length, heads, size)

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q, k, v, *weights = ctx.saved_tensors
        groups, length, ratio, size = q.shape
        out = outputs[0].reshape(length, groups, ratio, size)
        grad_q, grad_k, grad_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for (start, stop, keys, _), weight in zip(ctx.tree, weights, strict=True):
            asked = q[:, start:stop].reshape(groups, -1, size)
            given = out[start:stop].transpose(0, 1).reshape(groups, -1, size)
            k_seen, v_seen = k.index_select(1, keys), v.index_select(1, keys)
            grad_v.index_add_(1, keys, torch.bmm(weight.transpose(1, 2), given))
            grad_scores = torch.ops.aten._softmax_backward_data(
                torch.bmm(given, v_seen.transpose(1, 2)), weight, -1, weight.dtype
            )
            grad_q[:, start:stop] = torch.bmm(grad_scores, k_seen).view(groups, -1, ratio, size)
            grad_k.index_add_(1, keys, torch.bmm(grad_scores.transpose(1, 2), asked))
        grad_q = grad_q.mul_(ctx.scale).transpose(1, 2).reshape(1, groups * ratio, length, size)
        return grad_q, grad_k[None], grad_v[None], None, None


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    tree: Sequence[Stretch] | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function as transformers calls it; sdpa for all but a prefix tree."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    plain = not dropout and others.get("position_bias") is None and not others.get("softcap")
    if tree and plain and key.shape == value.shape and key.shape[2] == query.shape[2] == tree[-1].stop:
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        return TreeAttention.apply(query, key, value, tree, scale), None
    return sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **others
    )


def follow_trees(model: "PreTrainedModel") -> None:
    """Let the model's attention take a tree, which `decoder(…, tree=stretches(…))` hands down to it."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    if str(model.device) == "cpu" and model.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, _attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def takes_trees(model: "PreTrainedModel") -> bool:
    return bool(model.config._attn_implementation == NAME)
