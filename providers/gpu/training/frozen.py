"""Products with weights that never change, which the processor may have in the order it likes best."""

from collections.abc import Sequence

import torch
from torch.nn import functional

from providers.gpu.device import whole_memory

SHARE = 1 / 8  # of the memory, at most, goes into packed weights


class Frozen:
    """A linear layer's weight (out, in) and bias (out,), of no gradient.

    A product first rearranges its weight for the processor, or is slower without. Packed, the weight is also
    kept rearranged, once for each direction, which takes twice its bytes.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None):
        self.weight, self.bias = weight, bias
        self.forth: torch.Tensor | None = None
        self.back: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x W' + bias, of x (N, in)."""
        if self.forth is None:
            return functional.linear(x, self.weight, self.bias)
        return _product(x, self.forth, self.bias)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient of x, of that of the output (N, out)."""
        return gradient @ self.weight if self.back is None else _product(gradient, self.back, None)


def pack(weights: Sequence[Frozen], processes: int = 1) -> None:
    """Those that torch has oneDNN for, if the machine is large enough for all, in each of the processes.

    What is free just now is not asked: the result of a training would depend, to the last digit, on its
    neighbours.
    """
    fitting = [one for one in weights if can_pack(one.weight)]
    if 2 * processes * sum(one.weight.nbytes for one in fitting) <= SHARE * whole_memory():
        for one in fitting:
            one.forth, one.back = _packed(one.weight), _packed(one.weight.t().contiguous())


def can_pack(weight: torch.Tensor) -> bool:
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    half = weight.dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return bool(weight.dtype == torch.float32 or half)


def _packed(weight: torch.Tensor) -> torch.Tensor:
    # what torch.compile calls for frozen weights; there is no public name for it
    return torch.ops.mkldnn._reorder_linear_weight(weight, None)


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
