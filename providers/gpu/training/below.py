"""The layers below the adapter: they never change, so what they make of a row is computed once."""

import copy
from itertools import takewhile
from typing import Any

import torch

from providers.gpu.training.batching import Batch

ALIKE = 1e-3  # of the norm: how far a decoder in two parts may be from the whole


class Below:
    """A decoder in two parts: `lower` has its frozen layers at the bottom, `upper` goes on from their output.

    Both share their modules with the decoder. `known`: tokens of a row -> (tokens, hidden size).
    """

    def __init__(self, decoder: Any, depth: int):
        self.lower = _part(decoder, decoder.layers[:depth], torch.nn.Identity())
        self.upper = _part(decoder, decoder.layers[depth:], decoder.norm)
        self.known: dict[bytes, torch.Tensor] = {}

    @torch.no_grad()
    def read(self, batch: Batch, inputs: dict[str, Any]) -> None:
        """Keep what the lower layers make of the batch's rows; `inputs` as the decoder takes them."""
        states = self.lower(**inputs).last_hidden_state.flatten(0, 1)
        for path in batch.paths:
            self.known[_key(batch, path)] = states[path]

    def states(self, batch: Batch) -> torch.Tensor | None:
        """(B, L, hidden size), where all rows of the batch are known."""
        keys = [_key(batch, path) for path in batch.paths]
        if not self.known.keys() >= set(keys):
            return None
        rows = [self.known[key] for key in keys]
        found = rows[0].new_zeros(batch.tokens.numel(), rows[0].shape[-1])
        for path, row in zip(batch.paths, rows, strict=True):
            found[path] = row
        return found.view(*batch.tokens.shape, -1)

    def is_whole(self, decoder: Any, inputs: dict[str, Any]) -> bool:
        """Whether both parts in turn give what the decoder does, which architectures may prevent."""
        with torch.no_grad():
            try:
                plain = decoder(**inputs).last_hidden_state
                between = self.lower(**inputs).last_hidden_state
                parted = self.upper(**going_on(inputs, between)).last_hidden_state
            except (RuntimeError, ValueError, TypeError, IndexError):
                return False
        return bool((parted - plain).norm() <= ALIKE * plain.norm())


def below(decoder: Any) -> Below | None:
    """None where the lowest layer is trained, or the decoder isn't built of `layers` and a `norm`."""
    layers = getattr(decoder, "layers", None)
    if not isinstance(layers, torch.nn.ModuleList) or not hasattr(decoder, "norm"):
        return None
    depth = sum(1 for _ in takewhile(_is_frozen, layers))
    return Below(decoder, depth) if 0 < depth < len(layers) else None


def going_on(inputs: dict[str, Any], states: torch.Tensor) -> dict[str, Any]:
    """The decoder's inputs, with states in the place of tokens."""
    return {name: value for name, value in inputs.items() if name != "input_ids"} | {"inputs_embeds": states}


def state_bytes(tokens: int, hidden: int, dtype: torch.dtype) -> int:
    """What `Below.known` takes for rows of so many tokens."""
    return tokens * hidden * dtype.itemsize


def _is_frozen(layer: torch.nn.Module) -> bool:
    return not any(weight.requires_grad for weight in layer.parameters())


def _part(decoder: Any, layers: torch.nn.ModuleList, norm: torch.nn.Module) -> Any:
    part = copy.copy(decoder)
    # a copy has the same dictionary of modules
    part._modules = decoder._modules | {"layers": layers, "norm": norm}
    return part


def _key(batch: Batch, path: Any) -> bytes:
    return batch.tokens.flatten()[path].numpy().tobytes()
