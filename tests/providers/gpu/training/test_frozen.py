import pytest
import torch

from providers.gpu.training import frozen
from providers.gpu.training.frozen import Frozen, can_pack, pack


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 7, 200])
def test_packed_products_are_the_plain_ones(dtype: torch.dtype, rows: int) -> None:
    torch.manual_seed(2)
    weight, bias = torch.randn(40, 24).to(dtype), torch.randn(40).to(dtype)
    if not can_pack(weight):
        pytest.skip("torch has no oneDNN for this precision here")
    x, gradient = torch.randn(rows, 24).to(dtype), torch.randn(rows, 40).to(dtype)
    plain, packed = Frozen(weight, bias), Frozen(weight, bias)
    pack([packed])
    # another order of summation; bfloat16 has three digits
    near = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 2e-2}
    torch.testing.assert_close(packed.forward(x), plain.forward(x), **near)
    torch.testing.assert_close(packed.backward(gradient), plain.backward(gradient), **near)
    # a part of what several layers share lies in memory with gaps
    wide = torch.randn(rows, 48).to(dtype)[:, 8:32]
    torch.testing.assert_close(packed.forward(wide), plain.forward(wide), **near)


def test_what_onednn_has_no_product_for_stays_plain() -> None:
    assert not can_pack(torch.zeros(4, 4, dtype=torch.float64))
    assert not can_pack(torch.zeros(4, 4, device="meta"))


@pytest.mark.parametrize(
    ("memory", "processes", "packed"),
    [(8_000.0, 1, False), (8_200.0, 1, True), (8_200.0, 2, False), (1e9, 8, True)],
)
def test_weights_are_packed_where_there_is_room_for_those_of_all_processes(
    monkeypatch: pytest.MonkeyPatch, memory: float, processes: int, packed: bool
) -> None:
    monkeypatch.setattr(frozen, "whole_memory", lambda: memory)
    weights = [Frozen(torch.zeros(8, 8)) for _ in range(2)]
    pack(weights, processes)
    assert [one.forth is not None for one in weights] == [packed, packed]
