from providers.gpu.template import TokenRow
from providers.gpu.training.watch import measured_every, spread


def examples(count: int, tokens: int = 10) -> list[list[TokenRow]]:
    return [[TokenRow([i] * tokens, [False] * (tokens - 1) + [True])] for i in range(count)]


def test_few_long_epochs_are_measured_in_between() -> None:
    assert measured_every(steps_per_epoch=35, epochs=1) == 35
    assert measured_every(steps_per_epoch=400, epochs=2) == 100
    assert measured_every(steps_per_epoch=401, epochs=1) == 101
    assert measured_every(steps_per_epoch=400, epochs=5) == 400


def test_a_small_holdout_is_measured_whole() -> None:
    assert len(spread(examples(30), tokens=1000)) == 30
    assert spread([], tokens=1000) == []


def test_a_large_holdout_is_measured_in_part_spread_over_all_of_it() -> None:
    chosen = [row.tokens[0] for row in spread(examples(1000), tokens=2000)]
    assert len(chosen) == 200
    assert chosen[:3] == [0, 5, 10]


def test_at_least_eight_examples_are_measured() -> None:
    assert len(spread(examples(16), tokens=1)) == 8


def test_rows_with_nothing_to_predict_are_left_out() -> None:
    assert spread([[TokenRow([1, 2], [False, False])]] * 3, tokens=100) == []
