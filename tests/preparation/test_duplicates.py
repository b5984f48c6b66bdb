import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preparation.duplicates import Shingles, clusters, jaccard, near_duplicates, shingles, signed, tokens

WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in ("rin", "lop", "sat", "men", "dow")]


def text(seed: int, length: int = 80) -> str:
    picker = random.Random(seed)
    return " ".join(picker.choice(WORDS) for _ in range(length))


def stored(*rows: list[str]) -> Shingles:
    store = Shingles()
    store.add(signed(rows))
    return store


def similarity(one: str, other: str) -> float:
    return jaccard(shingles([one]), shingles([other]))


def test_case_punctuation_and_blanks_make_no_difference() -> None:
    assert similarity("Reset my PIN, please!", "reset  my pin please") == 1.0


def test_scripts_without_blanks_are_compared_by_characters() -> None:
    assert tokens("渡轮每天 8 点 leave") == ["渡", "轮", "每", "天", "8", "点", "leave"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset the passcode of my card?", "How do I reset the password of my card?"),
        ("My order 1234 has not arrived at my house yet", "My order 1235 has not arrived at my house yet"),
        ("I can log in to the app on my phone today", "I can't log in to the app on my phone today"),
        ("The parcel was delivered to the right house", "The parcel was not delivered to the right house"),
    ],
)
def test_short_texts_that_say_different_things_are_no_duplicates(one: str, other: str) -> None:
    assert similarity(one, other) < 0.85


def test_a_word_changed_in_a_long_text_leaves_a_near_duplicate() -> None:
    words = text(1).split()
    words[40] = "changed"
    assert similarity(text(1), " ".join(words)) > 0.9


def test_a_duplicate_must_agree_in_every_part() -> None:
    store = stored([text(1), "yes of course"], [text(1), "by no means"], [text(1), "yes of course"])
    assert near_duplicates(store, 0.85) == {2: 0}


def test_planted_duplicates_are_found_and_nothing_else() -> None:
    picker = random.Random(5)
    rows, planted = [[text(seed)] for seed in range(300)], set()
    for original in range(100):
        words = rows[original][0].split()
        words[picker.randrange(len(words))] = "edited"
        planted.add(len(rows))
        rows.append([" ".join(words)])
    found = near_duplicates(stored(*rows), 0.85)
    assert set(found) == planted
    assert all(found[row] == row - 300 for row in found)


def test_a_chain_drops_no_row_that_resembles_no_kept_one() -> None:
    words = text(1, 60).split()
    chain = []
    for changed in range(0, 40, 2):
        for at in range(changed, changed + 2):
            words[at] = f"new{at}"
        chain.append([" ".join(words)])
    store = stored(*chain)
    found = near_duplicates(store, 0.85)
    assert all(
        store.similarity(dropped, kept) >= 0.85 and kept not in found for dropped, kept in found.items()
    )


def test_rows_without_words_are_never_alike() -> None:
    assert near_duplicates(stored(["👍"], ["👎"], ["!!!"]), 0.5) == {}


def test_the_same_rows_give_the_same_answer_in_any_batch() -> None:
    rows = [[text(seed % 60)] for seed in range(120)]
    assert near_duplicates(stored(*rows), 0.85) == {row: row - 60 for row in range(60, 120)}


def test_shingles_are_the_same_on_every_machine() -> None:
    expected = [37038035, 50504454, 116258536, 145432594, 234460452, 287788640]
    assert shingles(["Reset my card", "ok"]).tolist() == expected


def test_clusters_hold_what_resembles_loosely() -> None:
    words = text(1).split()
    words[10], words[30], words[50] = "one", "two", "three"
    store = stored([text(1)], [text(2)], [" ".join(words)], [text(3)])
    assert clusters(store, store.pairs(0.7), 0.7) == [0, 1, 0, 3]


def test_overlap_is_the_share_that_has_a_near_duplicate() -> None:
    store = stored([text(1)], [text(2)], [text(3)], [text(1)], [text(4)])
    assert store.overlap([3, 4], [0, 1, 2], 0.85) == 0.5
    assert store.overlap([], [0], 0.85) == 0.0


def test_a_mould_of_many_rows_gives_few_pairs() -> None:
    store = stored(*[[f"{text(1)} number {n}"] for n in range(400)])
    assert len(store.pairs(0.7)) < 400 * 70
    assert len(near_duplicates(store, 0.85)) == 399


def test_an_empty_store_has_no_duplicates() -> None:
    assert near_duplicates(Shingles(), 0.85) == {}


@given(st.text(max_size=80), st.text(max_size=80))
def test_similarity_is_a_symmetric_share(one: str, other: str) -> None:
    assert 0.0 <= similarity(one, other) <= 1.0
    assert similarity(one, other) == similarity(other, one)
    assert similarity(one, one) == 1.0


@given(st.lists(st.text(max_size=30), max_size=4))
def test_shingles_are_sorted_and_distinct(parts: list[str]) -> None:
    found = shingles(parts) if parts else np.zeros(0, dtype=np.uint32)
    assert (np.diff(found.astype(np.int64)) > 0).all()
