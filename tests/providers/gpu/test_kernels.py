from collections.abc import Callable
from typing import Any

import pytest
import torch

from providers.gpu import kernels

DOUBLE = {"dtype": torch.float64}


def test_the_lora_product_has_the_gradients_of_its_formula() -> None:
    torch.manual_seed(2)
    x, weight, bias = torch.randn(6, 5, **DOUBLE), torch.randn(4, 5, **DOUBLE), torch.randn(4, **DOUBLE)
    a, b = torch.randn(2, 5, **DOUBLE), torch.randn(4, 2, **DOUBLE)
    for tensor in (x, a, b):
        tensor.requires_grad_()
    expected = x @ weight.T + bias + 1.5 * (x @ a.T) @ b.T
    gradients = torch.autograd.grad(expected.square().sum(), (x, a, b))
    out = kernels.LoraProduct.apply(x, weight, bias, a, b, 1.5)
    torch.testing.assert_close(out, expected)
    out.square().sum().backward()
    for tensor, gradient in zip((x, a, b), gradients, strict=True):
        # A and B learn in float32
        torch.testing.assert_close(tensor.grad.float(), gradient.float())


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_masked_attention_has_the_gradients_of_its_formula(groups: int) -> None:
    torch.manual_seed(3)
    q = torch.randn(1, 4, 7, 3, requires_grad=True, **DOUBLE)
    k, v = (torch.randn(1, groups, 7, 3, requires_grad=True, **DOUBLE) for _ in range(2))
    mask = torch.zeros(1, 1, 7, 7, **DOUBLE).masked_fill_(torch.ones(7, 7).triu(1).bool(), -1e30)
    expected = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, scale=0.3, enable_gqa=True
    )
    gradients = torch.autograd.grad(expected.square().sum(), (q, k, v))
    out = kernels.MaskedAttention.apply(q, k, v, mask, 0.3)
    torch.testing.assert_close(out, expected)
    for got, gradient in zip(torch.autograd.grad(out.square().sum(), (q, k, v)), gradients, strict=True):
        torch.testing.assert_close(got, gradient)


def test_with_the_adapter_switched_off_the_base_answers(with_adapter: Callable[[str], Any]) -> None:
    model, tokens = with_adapter("qwen3"), torch.tensor([[5, 6, 7]])
    with torch.inference_mode(), model.disable_adapter():
        base = model(tokens).logits
    tuned = model(tokens).logits
    kernels.speed_up(model)
    with torch.inference_mode(), model.disable_adapter():
        assert torch.equal(model(tokens).logits, base)
    torch.testing.assert_close(model(tokens).logits, tuned)
    assert not torch.allclose(base, tuned, atol=1e-2)
