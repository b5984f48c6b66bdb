"""The last layer: what follows its attention works on each token by itself, and few of them are asked for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


def after_attention(decoder: Any) -> list[torch.nn.Module]:
    """The modules of the last layer that read no token but their own; none of a decoder built otherwise."""
    layers = getattr(decoder, "layers", None)
    if not isinstance(layers, torch.nn.ModuleList):
        return []
    attention = getattr(layers[-1], "self_attn", None)
    found = [getattr(attention, "o_proj", None), getattr(layers[-1], "mlp", None)]
    return [module for module in found if isinstance(module, torch.nn.Module)]


@contextmanager
def computed_at(modules: Sequence[torch.nn.Module], places: torch.Tensor) -> Iterator[None]:
    """Within it the modules compute these places of the B * L tokens alone, and give 0 elsewhere.

    `places`: none of them twice.
    """
    shapes: list[torch.Size] = []

    def chosen(_: Any, given: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        shapes.append(given[0].shape[:-1])
        return (given[0].flatten(0, -2).index_select(0, places)[None],)

    def spread(_: Any, given: Any, out: torch.Tensor) -> torch.Tensor:
        shape = shapes.pop()
        whole = out.new_zeros(shape.numel(), out.shape[-1]).index_copy(0, places, out[0])
        return whole.view(*shape, -1)

    hooks = [module.register_forward_pre_hook(chosen) for module in modules]
    hooks += [module.register_forward_hook(spread) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
