"""Faster forms of what LoRA training spends its time in: same mathematics, fewer passes over memory.

Measured on two cores with AMX, SmolLM2 in bfloat16, against float32: the gradient's relative error is 0.043,
and 0.047 with the forms that these replace.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from peft import PeftModel

ATTENTION = "luthier"
LARGEST_SCORES = 32 * 2**20  # bytes of attention weights kept by a layer; beyond that torch's own form


class LoraProduct(torch.autograd.Function):
    """x W' + scale (x A') B' in the precision of x, gradients for x, A and B alone.

    x (N, in), W (out, in) frozen, A (rank, in), B (out, rank). A and B stay float32, their products are made
    in the precision of x, as autocast does, without a float32 copy of x.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        a, b = a.to(x.dtype), b.to(x.dtype)
        low = x @ a.t()
        ctx.save_for_backward(x, low, weight, a, b)
        ctx.scale = scale
        return functional.linear(x, weight, bias).addmm_(low, b.t(), alpha=scale)

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, low, weight, a, b = ctx.saved_tensors
        (out,) = outputs
        low_out = (out @ b).mul_(ctx.scale)
        grad_a = (low_out.t() @ x).float()
        grad_b = (out.t() @ low).float().mul_(ctx.scale)
        grad_x = (out @ weight).addmm_(low_out, a) if ctx.needs_input_grad[0] else None
        return grad_x, None, None, grad_a, grad_b, None


class MaskedAttention(torch.autograd.Function):
    """softmax(scale q k' + mask) v of one sequence, the attention weights kept for the way back.

    q (1, H, L, D); k, v (1, G, L, D), where each of the G heads serves H / G of q's; mask (1, 1, L, L),
    additive. On processors torch's fused form goes back four times slower.
    """

    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor, scale: float
    ) -> torch.Tensor:
        _, heads, length, size = q.shape
        groups = k.shape[1]
        q = (q * scale).reshape(groups, -1, size)
        k, v = k.reshape(groups, length, size), v.reshape(groups, length, size)
        scores = q @ k.transpose(1, 2)
        scores.view(heads, length, length).add_(mask[0])
        weights = scores.softmax(-1)
        ctx.save_for_backward(q, k, v, weights)
        ctx.scale = scale
        return (weights @ v).view(1, heads, length, size)

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q, k, v, weights = ctx.saved_tensors
        (out,) = outputs
        shape, kv_shape = out.shape, (1, *k.shape)
        out = out.reshape(q.shape)
        grad_v = weights.transpose(1, 2) @ out
        grad_scores = torch.ops.aten._softmax_backward_data(
            out @ v.transpose(1, 2), weights, -1, weights.dtype
        )
        grad_q = (grad_scores @ k).mul_(ctx.scale)
        grad_k = grad_scores.transpose(1, 2) @ q
        return grad_q.view(shape), grad_k.view(kv_shape), grad_v.view(kv_shape), None, None


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function as transformers calls it; sdpa for all but training on a prefix tree."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    batch, heads, length, size = query.shape
    fits = (
        attention_mask is not None
        and attention_mask.is_floating_point()
        and batch == 1
        and key.shape == value.shape == (1, key.shape[1], length, size)
        and heads * length * length * query.element_size() <= LARGEST_SCORES
    )
    if torch.is_grad_enabled() and fits and not dropout and others.get("position_bias") is None:
        scale = size**-0.5 if scaling is None else scaling
        out = MaskedAttention.apply(query, key, value, attention_mask, scale)
        return out.transpose(1, 2), None
    return sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **others
    )


def speed_up(model: "PeftModel") -> None:
    """Put the faster forms in place of peft's and transformers' own, where they fit."""
    from peft.tuners.lora import Linear
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    for layer in model.modules():
        if isinstance(layer, Linear) and type(layer.base_layer) is torch.nn.Linear:
            layer.forward = _lora_forward(layer)
    base = model.get_base_model()
    if str(base.device) == "cpu" and base.config._attn_implementation == "sdpa":
        AttentionInterface.register(ATTENTION, _attend)
        AttentionMaskInterface.register(ATTENTION, sdpa_mask)
        base.set_attn_implementation(ATTENTION)


def _lora_forward(layer: Any) -> Any:
    """For a layer with one adapter, no dropout and a plain linear base."""
    plain, weights = layer.forward, layer.base_layer
    a, b, scale = layer.lora_A["default"].weight, layer.lora_B["default"].weight, layer.scaling["default"]

    def forward(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if layer.disable_adapters or layer.merged:
            return plain(x, *args, **kwargs)
        flat = x.reshape(-1, x.shape[-1])
        out = LoraProduct.apply(flat, weights.weight, weights.bias, a, b, scale)
        return out.view(*x.shape[:-1], -1)

    return forward
