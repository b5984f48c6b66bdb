"""Token counts: exact for OpenAI, and estimates that are not too low."""

import pytest

from providers import tokens
from records import Example, Message, Source

TEXTS = [
    "The hinge goes on shelf nine, next to the screws, unless it is brass.",
    "Каждый болт лежит на своей полке, рядом с гайками.",
    "每个螺丝都放在自己的架子上，旁边是螺母。",
    "كل برغي على رفه الخاص بجانب الصواميل.",
    "def shelf(tool: str) -> int:\n    return SHELVES[tool.lower()]\n",
    "Order 4417-2290, 2026-11-22, 19.99 EUR, +49 30 1234567",
]


@pytest.fixture
def exact() -> tokens.Count:
    count = tokens.o200k()
    assert count is not None
    return count


def test_the_vocabulary_is_openais(exact: tokens.Count) -> None:
    # as OpenAI's own tokenizer counts them: "hello world" is 24912 2375, "antidisestablishmentarianism" six
    assert (exact("hello world"), exact("antidisestablishmentarianism")) == (2, 6)
    assert exact("<|endoftext|>") > 1


@pytest.mark.parametrize("text", TEXTS)
def test_the_estimate_is_not_below_the_exact_count_nor_far_above(exact: tokens.Count, text: str) -> None:
    assert exact(text) <= tokens.estimated(text) <= 3 * exact(text) + 5


def test_only_weighted_answers_are_trainable_and_the_limit_cuts(exact: tokens.Count) -> None:
    said = [
        Message(role="user", content="lamp"),
        Message(role="assistant", content="one two three", weight=0),
        Message(role="user", content="rope"),
        Message(role="assistant", content="four five six"),
    ]
    example = Example(messages=tuple(said), sources=(Source(uri="a"),), kind="chat")
    (whole,) = tokens.measured_all([example], exact, 1000)
    assert (whole.trainable, whole.cut) == (3, 0)
    (cut,) = tokens.measured_all([example], exact, whole.total - 2)
    assert (cut.total, cut.trainable, cut.cut) == (whole.total - 2, 1, 2)


def test_a_long_word_is_counted_in_no_time(exact: tokens.Count) -> None:
    assert exact("ab" * 200_000) > 10_000
