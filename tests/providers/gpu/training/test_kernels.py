from collections.abc import Callable
from typing import Any

import torch

from providers.gpu.training import kernels
from providers.gpu.training.frozen import Frozen

DOUBLE = {"dtype": torch.float64}


def test_the_lora_product_has_the_gradients_of_its_formula() -> None:
    torch.manual_seed(2)
    x, weight, bias = torch.randn(6, 5, **DOUBLE), torch.randn(4, 5, **DOUBLE), torch.randn(4, **DOUBLE)
    a, b = torch.randn(2, 5, **DOUBLE), torch.randn(4, 2, **DOUBLE)
    for tensor in (x, a, b):
        tensor.requires_grad_()
    expected = x @ weight.T + bias + 1.5 * (x @ a.T) @ b.T
    gradients = torch.autograd.grad(expected.square().sum(), (x, a, b))
    (out,) = kernels.LoraProducts.apply(x, Frozen(weight, bias), 1.5, a, b)
    torch.testing.assert_close(out, expected)
    out.square().sum().backward()
    for tensor, gradient in zip((x, a, b), gradients, strict=True):
        # A and B learn in float32
        torch.testing.assert_close(tensor.grad.float(), gradient.float())


def test_layers_with_one_input_are_computed_together_and_alike() -> None:
    torch.manual_seed(2)
    x, weight = torch.randn(6, 5, **DOUBLE, requires_grad=True), torch.randn(7, 5, **DOUBLE)
    adapters = [
        torch.randn(*shape, **DOUBLE, requires_grad=True) for shape in ((2, 5), (4, 2), (3, 5), (3, 3))
    ]
    alone = [
        kernels.LoraProducts.apply(x, Frozen(part), 0.5, *own)[0]
        for part, own in zip(weight.split((4, 3)), (adapters[:2], adapters[2:]), strict=True)
    ]
    together = kernels.LoraProducts.apply(x, Frozen(weight), 0.5, *adapters)
    wanted = torch.autograd.grad(sum(out.square().sum() for out in alone), (x, *adapters))
    found = torch.autograd.grad(sum(out.square().sum() for out in together), (x, *adapters))
    for got, expected in zip((*together, *found), (*alone, *wanted), strict=True):
        torch.testing.assert_close(got, expected)


def test_a_bias_on_one_of_them_only_is_added_to_that_one(with_adapter: Callable[[str], Any]) -> None:
    plain, fast = with_adapter("llama"), with_adapter("llama")
    for model in (plain, fast):
        attention = model.get_base_model().model.layers[0].self_attn
        attention.v_proj.base_layer.bias = torch.nn.Parameter(torch.arange(16.0), requires_grad=False)
    kernels.speed_up(fast)
    tokens = torch.tensor([[5, 6, 7]])
    torch.testing.assert_close(fast(tokens).logits, plain(tokens).logits, rtol=1e-4, atol=1e-4)


def test_the_base_is_not_held_twice(with_adapter: Callable[[str], Any]) -> None:
    model = with_adapter("llama")
    before = {name: weight.clone() for name, weight in model.get_base_model().state_dict().items()}
    kernels.speed_up(model)
    attention = model.get_base_model().model.layers[0].self_attn
    stored = {
        part.base_layer.weight.untyped_storage().data_ptr() for part in (attention.q_proj, attention.v_proj)
    }
    assert len(stored) == 1
    for name, weight in model.get_base_model().state_dict().items():
        assert torch.equal(weight, before[name])


def test_with_the_adapter_switched_off_the_base_answers(with_adapter: Callable[[str], Any]) -> None:
    model, tokens = with_adapter("qwen3"), torch.tensor([[5, 6, 7]])
    with torch.inference_mode(), model.disable_adapter():
        base = model(tokens).logits
    tuned = model(tokens).logits
    kernels.speed_up(model)
    with torch.inference_mode(), model.disable_adapter():
        torch.testing.assert_close(model(tokens).logits, base)
    torch.testing.assert_close(model(tokens).logits, tuned)
    assert not torch.allclose(base, tuned, atol=1e-2)
