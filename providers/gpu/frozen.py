"""Products with weights that never change, which the processor may have in the order it likes best."""

import torch
from torch.nn import functional

# oneDNN multiplies these two on processors
PACKABLE = (torch.float32, torch.bfloat16)


class Frozen:
    """A linear layer's weight (out, in) and bias (out,), of no gradient.

    A product first rearranges its weight for the processor, or is slower without. Packed, the weight is also
    kept rearranged, once for each direction, which takes twice its bytes.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None):
        self.weight, self.bias = weight, bias
        self.forth: torch.Tensor | None = None
        self.back: torch.Tensor | None = None

    def pack(self) -> None:
        self.forth, self.back = _packed(self.weight), _packed(self.weight.t().contiguous())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x W' + bias, of x (N, in)."""
        if self.forth is None:
            return functional.linear(x, self.weight, self.bias)
        return _product(x, self.forth, self.bias)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient of x, of that of the output (N, out)."""
        return gradient @ self.weight if self.back is None else _product(gradient, self.back, None)


def can_pack(weight: torch.Tensor) -> bool:
    """Whether torch has oneDNN for it."""
    if (
        weight.device.type != "cpu"
        or weight.dtype not in PACKABLE
        or not torch.backends.mkldnn.is_available()
    ):
        return False
    return weight.dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _packed(weight: torch.Tensor) -> torch.Tensor:
    # what torch.compile calls for frozen weights; there is no public name for it
    return torch.ops.mkldnn._reorder_linear_weight(weight, None)


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
