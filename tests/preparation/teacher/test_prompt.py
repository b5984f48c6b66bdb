import pytest

from preparation.documents.passages import Passage
from preparation.teacher.prompt import Malformed, Pair, instruction, material, pairs_of

PAIR = '{"question": "Why?", "answer": "So.", "evidence": "It is so."}'


@pytest.mark.parametrize(
    "answer",
    [
        f'{{"pairs": [{PAIR}]}}',
        f"[{PAIR}]",
        f'```json\n{{"pairs": [{PAIR}]}}\n```',
        f'Here you are:\n{{"pairs": [{PAIR}]}}\nI hope that helps.',
        f'<think>They want {{"x": 1}}.</think>{{"questions": [{PAIR}]}}',
    ],
)
def test_an_answer_is_read_however_it_is_wrapped(answer: str) -> None:
    assert pairs_of(answer) == [Pair("Why?", "So.", ("It is so.",))]


def test_evidence_may_be_several_quotations() -> None:
    (pair,) = pairs_of('{"pairs": [{"question": "Q", "answer": 5, "evidence": ["one", "", "two"]}]}')
    assert pair == Pair("Q", "5", ("one", "two"))


@pytest.mark.parametrize(
    "answer", ["", "I can't.", '{"pairs": ', '{"pairs": "none"}', "[1, 2]", '{"other": []}', "[" * 9000]
)
def test_what_can_not_be_read_is_malformed(answer: str) -> None:
    with pytest.raises(Malformed):
        pairs_of(answer)


def test_longer_passages_are_worth_more_questions() -> None:
    short, long = Passage("word " * 40, (), ()), Passage("word " * 400, ("Fares", "Children"), ())
    assert "up to 1 questions" in instruction("Answer", short)
    assert "up to 5 questions" in instruction("Answer", long)
    assert material(long).startswith("Fares › Children\n\nword")
