import pytest

from errors import NotConfigured
from preparation.teacher.answers import Question, Reply
from preparation.teacher.budget import Budget
from records import Teacher

QUESTIONS = [Question("Ask.", f"Passage {number}. " * 100) for number in range(40)]


def budget(**limits: object) -> Budget:
    return Budget(Teacher.model_validate({"url": "http://x", "model": "m", **limits}))


def test_calls_are_capped_and_a_larger_cap_adds_to_a_smaller_one() -> None:
    few, more = (budget(max_calls=calls).affordable(QUESTIONS) for calls in (4, 9))
    assert (len(few), len(more)) == (4, 9) and set(few) < set(more)
    assert budget(max_calls=4).affordable(QUESTIONS[::-1]) == few


def test_money_is_capped_before_the_first_call() -> None:
    dear = budget(max_cost=0.01, price=(1.0, 1.0))
    chosen = dear.affordable(QUESTIONS)
    assert 0 < len(chosen) < 40
    assert (dear.estimate(chosen).usd or 1) <= 0.01


def test_a_limit_of_money_needs_a_price() -> None:
    with pytest.raises(NotConfigured, match="no price"):
        budget(max_cost=1.0)


def test_an_unknown_price_is_told() -> None:
    assert "price unknown" in str(budget().estimate(QUESTIONS))


def test_what_calls_cost_in_truth_ends_the_lesson() -> None:
    one = budget(max_cost=0.01, price=(1.0, 10.0))
    assert one.begin(QUESTIONS[0])
    one.end(QUESTIONS[0], Reply("", 500, 900))
    assert one.spent == pytest.approx(0.0095)
    assert not one.begin(QUESTIONS[1])


def test_a_call_that_failed_costs_nothing() -> None:
    one = budget(max_cost=0.01, price=(1.0, 10.0))
    assert one.begin(QUESTIONS[0])
    one.end(QUESTIONS[0], None)
    assert one.spent == pytest.approx(0) and one.begin(QUESTIONS[1])
