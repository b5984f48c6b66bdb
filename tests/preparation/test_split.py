import hashlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preparation.split import Figures, holdout_of


def key(number: int, seed: int = 0) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest()[:8], "big")


def figures(count: int, labels: list[str] | None = None, documents: list[int] | None = None) -> Figures:
    made = Figures()
    for number in range(count):
        made.keys.append(key(number))
        made.labels.append(labels[number] if labels else "")
        made.prompts.append(number)
        made.documents.append(documents[number] if documents else -1)
        made.sections.append(-1)
    return made


def test_about_the_asked_share_is_held_out() -> None:
    assert sum(holdout_of(figures(200), range(200), 0.1)) == 20


@pytest.mark.parametrize(("count", "held"), [(5, 0), (10, 0), (11, 1), (12, 1), (40, 4)])
def test_ten_examples_stay_in_train(count: int, held: int) -> None:
    assert sum(holdout_of(figures(count), range(count), 0.1)) == held


def test_a_share_of_nothing_holds_nothing_out() -> None:
    assert sum(holdout_of(figures(100), range(100), 0.0)) == 0


def test_at_most_two_thousand_are_held_out() -> None:
    assert sum(holdout_of(figures(50_000), range(50_000), 0.1)) == 2000


def test_each_label_of_three_examples_is_held_out() -> None:
    labels = ["a"] * 60 + ["b"] * 30 + ["c"] * 4 + ["d"] * 3 + ["e"] * 2
    held = holdout_of(figures(len(labels), labels), range(len(labels)), 0.1)
    counts = Counter(label for label, out in zip(labels, held, strict=True) if out)
    assert set(counts) == {"a", "b", "c", "d"}
    assert counts["a"] == 6
    assert counts["b"] == 3


def test_many_labels_of_two_examples_are_measured_too() -> None:
    labels = [f"label {number // 2}" for number in range(400)]
    held = holdout_of(figures(400, labels), range(400), 0.1)
    taught = {label for label, out in zip(labels, held, strict=True) if not out}
    assert sum(held) == 40 and len(taught) == 200


def test_a_label_whose_examples_are_one_cluster_stays_in_train() -> None:
    labels = ["a"] * 40 + ["b"] * 4
    clusters = [*range(40), 40, 40, 40, 40]
    held = holdout_of(figures(44, labels), clusters, 0.1)
    assert not any(held[40:])


def test_whole_documents_are_held_out_where_there_are_enough() -> None:
    documents = [number // 10 for number in range(200)]
    held = holdout_of(figures(200, documents=documents), range(200), 0.1)
    sides = {
        document: {held[at] for at in range(200) if documents[at] == document} for document in set(documents)
    }
    assert all(len(side) == 1 for side in sides.values())
    assert sum(held) == 20


def test_a_single_document_still_gives_a_holdout() -> None:
    held = holdout_of(figures(60, documents=[7] * 60), range(60), 0.1)
    assert sum(held) == 6


def test_examples_that_ask_the_same_stay_together() -> None:
    made = figures(60)
    for number in range(0, 60, 2):
        made.prompts[number + 1] = made.prompts[number]
    held = holdout_of(made, range(60), 0.2)
    assert all(held[number] == held[number + 1] for number in range(0, 60, 2))
    assert sum(held) == 12


def test_a_request_that_all_examples_share_does_not_bind_them() -> None:
    made = figures(60)
    made.prompts[:] = type(made.prompts)("q", [3] * 60)
    assert sum(holdout_of(made, range(60), 0.1)) == 6


def test_the_order_of_examples_changes_nothing() -> None:
    forward = holdout_of(figures(50), range(50), 0.2)
    backward = Figures()
    for number in reversed(range(50)):
        backward.keys.append(key(number))
        backward.labels.append("")
        backward.prompts.append(number)
        backward.documents.append(-1)
        backward.sections.append(-1)
    assert holdout_of(backward, range(50), 0.2)[::-1] == forward


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 15), st.sampled_from("abc"), st.integers(0, 4)), min_size=1, max_size=80
    ),
    st.floats(0.0, 0.5),
    st.booleans(),
)
def test_no_cluster_is_parted_and_train_keeps_enough(
    rows: list[tuple[int, str, int]], share: float, labelled: bool
) -> None:
    clusters = [cluster for cluster, _, _ in rows]
    made = figures(
        len(rows), [label for _, label, _ in rows] if labelled else None, [doc for *_, doc in rows]
    )
    held = holdout_of(made, clusters, share)
    for cluster in set(clusters):
        assert len({held[at] for at in range(len(rows)) if clusters[at] == cluster}) == 1
    assert sum(held) == 0 or len(rows) - sum(held) >= 10
    assert sum(held) <= len(rows) // 2 + 1
