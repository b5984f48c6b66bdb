import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.gpu.training.attention import TreeAttention, stretches
from providers.gpu.training.batching import merge, tree_mask

DOUBLE = {"dtype": torch.float64}
ROWS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=8)


@given(ROWS, st.integers(1, 9))
def test_the_stretches_see_what_the_whole_mask_lets_through(rows: list[list[int]], length: int) -> None:
    ends = merge([np.asarray(tokens) for tokens in sorted(rows)]).ends
    whole = torch.full((len(ends), len(ends)), float("-inf"))
    for start, stop, keys, bias in stretches(ends, torch.float32, length):
        whole[start:stop, keys] = bias
    assert torch.equal(whole == 0, tree_mask(ends, torch.float32)[0, 0] == 0)


@settings(max_examples=10, deadline=None)
@given(ROWS, st.sampled_from([1, 2, 4]), st.integers(2, 9))
def test_attention_along_a_tree_has_the_gradients_of_its_formula(
    rows: list[list[int]], groups: int, length: int
) -> None:
    ends = merge([np.asarray(tokens) for tokens in sorted(rows)]).ends
    torch.manual_seed(3)
    q = torch.randn(1, 4, len(ends), 3, requires_grad=True, **DOUBLE)
    k, v = (torch.randn(1, groups, len(ends), 3, requires_grad=True, **DOUBLE) for _ in range(2))
    expected = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=tree_mask(ends, torch.float64), scale=0.3, enable_gqa=True
    ).transpose(1, 2)
    factors = torch.randn_like(expected)
    wanted = torch.autograd.grad((expected * factors).sum(), (q, k, v))
    out = TreeAttention.apply(q, k, v, stretches(ends, torch.float64, length), 0.3)
    torch.testing.assert_close(out, expected)
    for got, gradient in zip(torch.autograd.grad((out * factors).sum(), (q, k, v)), wanted, strict=True):
        torch.testing.assert_close(got, gradient)


def test_a_row_pays_for_what_it_sees_alone() -> None:
    shared, own = list(range(100)), 64
    rows = [np.asarray([*shared, *range(1000 * i, 1000 * i + own)]) for i in range(1, 21)]
    tree = stretches(merge(rows).ends, torch.float32)
    pairs = sum(bias.numel() for _, _, _, bias in tree)
    assert pairs < 0.25 * (100 + 20 * own) ** 2
    assert all(len(keys) <= 100 + 2 * own for _, _, keys, _ in tree[2:])


def test_queries_given_are_left_as_they_are() -> None:
    q = torch.randn(1, 1, 3, 4)
    before = q.clone()
    TreeAttention.apply(q, q.clone(), q.clone(), stretches(torch.tensor([3, 3, 3]), torch.float32), 0.5)
    assert torch.equal(q, before)
    with pytest.raises(RuntimeError):
        TreeAttention.apply(q, q[..., :2], q, stretches(torch.tensor([3, 3, 3]), torch.float32), 0.5)
