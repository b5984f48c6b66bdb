"""Faster forms of what LoRA training spends its time in: same mathematics, fewer and larger products."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch

from providers.gpu.training.attention import follow_trees
from providers.gpu.training.frozen import Frozen, pack

if TYPE_CHECKING:
    from peft import PeftModel

# Layers that read the same input, by their names in the architectures that transformers knows.
SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


class LoraProducts(torch.autograd.Function):
    """x W' + scale (x A') B' for n layers that read the same x; gradients for x, A and B alone.

    x (N, in), W (out, in) frozen, the layers' weights one below the other; then A (rank, in) and
    B (its part of out, rank) of each layer. A and B stay float32, their products are made in the precision of
    x, as autocast does, without a float32 copy of x.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        frozen: Frozen,
        scale: float,
        *adapters: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        down, up = adapters[0::2], adapters[1::2]
        a = torch.cat(down) if len(down) > 1 else down[0]
        b = torch.block_diag(*up) if len(up) > 1 else up[0]
        a, b = a.to(x.dtype), b.to(x.dtype)
        low = x @ a.t()
        out = frozen.forward(x).addmm_(low, b.t(), alpha=scale)
        ctx.save_for_backward(x, low, a, b)
        ctx.frozen = frozen
        ctx.scale, ctx.ranks, ctx.sizes = scale, [len(part) for part in down], [len(part) for part in up]
        # a part of it may not be written over, as some architectures do with what a layer gave
        return out.split(ctx.sizes, 1) if len(up) > 1 else (out,)

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, low, a, b = ctx.saved_tensors
        out = torch.cat(outputs, 1) if len(outputs) > 1 else outputs[0]
        low_out = (out @ b).mul_(ctx.scale)
        grad_a = (low_out.t() @ x).float().split(ctx.ranks)
        lows = low.split(ctx.ranks, 1)
        grad_b = [
            (part.t() @ under).float().mul_(ctx.scale) for part, under in zip(outputs, lows, strict=True)
        ]
        grad_x = ctx.frozen.backward(out).addmm_(low_out, a) if ctx.needs_input_grad[0] else None
        pairs = (grad for both in zip(grad_a, grad_b, strict=True) for grad in both)
        return grad_x, None, None, *pairs


class Together:
    """Layers that read the same input, computed when the first of them is called with it."""

    def __init__(self, layers: Sequence[Any]):
        self.layers = layers
        self.scale = layers[0].scaling["default"]
        bases = [layer.base_layer for layer in layers]
        weight, bias = bases[0].weight.detach(), bases[0].bias
        if len(layers) > 1:
            weight = torch.cat([base.weight.detach() for base in bases])
            bias = None if bias is None else torch.cat([base.bias for base in bases])
            stops = [0, *torch.tensor([base.out_features for base in bases]).cumsum(0).tolist()]
            for base, (start, stop) in zip(bases, pairwise(stops), strict=True):
                # the same memory, so that the base is not held twice
                base.weight.data = weight[start:stop]
        self.frozen = Frozen(weight, None if bias is None else bias.detach())
        self.adapters = [part["default"].weight for layer in layers for part in (layer.lora_A, layer.lora_B)]
        self.read: torch.Tensor | None = None
        self.ready: dict[int, torch.Tensor] = {}

    def forward_of(self, number: int) -> Callable[..., torch.Tensor]:
        layer = self.layers[number]
        plain = layer.forward

        def forward(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            if layer.merged or (layer.disable_adapters and torch.is_grad_enabled()):
                return plain(x, *args, **kwargs)
            if self.read is not x or number not in self.ready:
                flat = x.reshape(-1, x.shape[-1])
                made = self._base(flat) if layer.disable_adapters else self._tuned(flat)
                self.read, self.ready = x, dict(enumerate(made))
            out = self.ready.pop(number)
            if not self.ready:
                self.read = None
            return out.view(*x.shape[:-1], -1)

        return forward

    def _tuned(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        made: tuple[torch.Tensor, ...] = LoraProducts.apply(x, self.frozen, self.scale, *self.adapters)
        return made

    def _base(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.frozen.forward(x).split([layer.base_layer.out_features for layer in self.layers], 1)


def speed_up(model: "PeftModel", processes: int = 1) -> None:
    """Put the faster forms in place of peft's and transformers' own, where they fit.

    `processes`: that train together, each with a base of its own.
    """
    together: list[Together] = []
    for parent in model.modules():
        fitting = {name: layer for name, layer in parent.named_children() if _fits(layer)}
        groups = [[fitting[name] for name in names] for names in SIBLINGS if fitting.keys() >= set(names)]
        # some architectures have a bias on one of them only
        groups = [group for group in groups if len({one.base_layer.bias is None for one in group}) == 1]
        grouped = {id(layer) for group in groups for layer in group}
        groups += [[layer] for layer in fitting.values() if id(layer) not in grouped]
        for group in groups:
            together.append(Together(group))
            for number, layer in enumerate(group):
                layer.forward = together[-1].forward_of(number)
    pack([one.frozen for one in together], processes)
    follow_trees(model.get_base_model())


def _fits(layer: torch.nn.Module) -> bool:
    """Whether it has one adapter, no dropout and a plain linear base."""
    from peft.tuners.lora import Linear

    return isinstance(layer, Linear) and type(layer.base_layer) is torch.nn.Linear
