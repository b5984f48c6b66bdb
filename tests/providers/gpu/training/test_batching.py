import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from providers.gpu.template import TokenRow
from providers.gpu.training.batching import merge, pack, steps_of_epoch, tree_groups, tree_mask

ROWS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=8)


def row(tokens: list[int], answer: int = 1) -> TokenRow:
    return TokenRow(tokens, [False] * (len(tokens) - answer) + [True] * answer)


@given(ROWS)
def test_in_the_tree_a_token_sees_its_own_row_and_nothing_else(rows: list[list[int]]) -> None:
    rows = sorted(rows)
    tree = merge([np.asarray(tokens) for tokens in rows])
    sees = tree_mask(tree.ends, torch.float32)[0, 0] == 0
    for tokens, path in zip(rows, tree.paths, strict=True):
        assert tree.tokens[path].tolist() == tokens
        assert tree.positions[path].tolist() == list(range(len(tokens)))
        for place, at in enumerate(path):
            assert sees[at].nonzero()[:, 0].tolist() == path[: place + 1].tolist()


@given(ROWS)
def test_the_tree_holds_every_distinct_beginning_once(rows: list[list[int]]) -> None:
    tree = merge([np.asarray(tokens) for tokens in sorted(rows)])
    assert len(tree.tokens) == len({tuple(tokens[: i + 1]) for tokens in rows for i in range(len(tokens))})


def test_what_rows_share_is_counted_once_against_the_budget() -> None:
    start = list(range(10))
    rows = [row([*start, 20 + i, 30]) for i in range(4)]
    assert [batch.tokens.numel() for batch in pack(rows, 18, shared=True)] == [18]
    assert [batch.tokens.numel() for batch in pack([*rows, row([99] * 12)], 14, shared=True)] == [18, 12]


def test_a_long_shared_beginning_is_not_computed_for_each_row() -> None:
    start = list(range(100))
    rows = [[*start, 200 + i, 300] for i in range(20)]
    assert [len(group) for group in tree_groups(rows, 90)] == [20]
    assert [len(group) for group in tree_groups(rows, 32)] == [17, 3]
    assert [len(group) for group in tree_groups(rows, 90, most=8)] == [8, 8, 4]
    assert sorted(i for group in tree_groups(rows, 32) for i in group) == list(range(20))


def test_every_trained_token_is_predicted_from_the_one_before_it() -> None:
    rows = [row([1, 2, 3, 4], 2), row([1, 2, 5], 1), row([9, 9], 1)]
    for shared in (True, False):
        found = set()
        for batch in pack(rows, 100, shared):
            before = batch.tokens.reshape(-1)[batch.places].tolist()
            found |= set(zip(batch.rows.tolist(), before, batch.targets.tolist(), strict=True))
        assert found == {(0, 2, 3), (0, 3, 4), (1, 2, 5), (2, 9, 9)}


def test_two_answers_to_one_prompt_are_both_predicted_from_its_end() -> None:
    (batch,) = pack([row([1, 2, 3]), row([1, 2, 4])], 100, shared=True)
    assert batch.tokens.tolist() == [[1, 2, 3, 4]]
    assert (batch.places.tolist(), batch.targets.tolist()) == ([1, 1], [3, 4])


def test_padded_rows_of_like_length_stand_together() -> None:
    rows = [row([1] * n) for n in (2, 9, 3, 8)]
    batches = pack(rows, 18, shared=False, pad=7)
    assert [batch.tokens.shape for batch in batches] == [(2, 3), (2, 9)]
    assert batches[0].tokens.tolist() == [[1, 1, 7], [1, 1, 1]]
    assert batches[0].mask(torch.float32).tolist() == [[1, 1, 0], [1, 1, 1]]


def test_a_row_longer_than_the_budget_stands_alone() -> None:
    rows = [row([1] * 50), row([2] * 40)]
    assert [batch.tokens.numel() for batch in pack(rows, 10, shared=True)] == [50, 40]
    assert [batch.tokens.numel() for batch in pack(rows, 10, shared=False)] == [40, 50]


def test_an_epoch_sees_every_example_once_in_an_order_of_its_own() -> None:
    lengths = [i % 7 for i in range(50)]
    for by_length in (True, False):
        epochs = [steps_of_epoch(lengths, 8, 17, epoch, by_length) for epoch in range(2)]
        for steps in epochs:
            assert sorted(i for step in steps for i in step) == list(range(50))
        assert epochs[0] != epochs[1]
        assert epochs[0] == steps_of_epoch(lengths, 8, 17, 0, by_length)
        assert epochs[0] != steps_of_epoch(lengths, 8, 18, 0, by_length)
