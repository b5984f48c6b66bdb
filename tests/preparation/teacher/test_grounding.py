import pytest

from preparation.documents.passages import Passage
from preparation.teacher import grounding
from preparation.teacher.grounding import refusal
from preparation.teacher.prompt import Pair

PASSAGE = Passage(
    "The ferry leaves at **noon** and costs 1,250 crowns.\n\nChildren under six — and dogs — travel free.",
    ("The “Seagull” ferry",),
    (),
)
PROOF = ("The ferry leaves at noon and costs 1,250 crowns.",)


@pytest.mark.parametrize(
    ("question", "answer", "evidence"),
    [
        ("When does the ferry leave?", "It leaves at noon.", PROOF),
        ("When does the ferry leave?", "At noon.", ('"The ferry leaves at noon … costs 1250 crowns."',)),
        (
            "Who travels free?",
            "Children under six and dogs.",
            ("Children under six - and dogs - travel\nfree.",),
        ),
        ("What does the ferry cost?", "The ferry costs 1250 crowns.", PROOF),
        ("Is it free for someone aged 5?", "Yes, at 5 one travels free.", ("Children under six — and dogs",)),
    ],
)
def test_what_the_source_proves_is_kept(question: str, answer: str, evidence: tuple[str, ...]) -> None:
    assert refusal(Pair(question, answer, evidence), PASSAGE) == ""


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (Pair("When does it leave?", "At noon.", ()), grounding.INCOMPLETE),
        (Pair("", "At noon.", PROOF), grounding.INCOMPLETE),
        (Pair("When does it leave?", "At noon.", ("The ferry leaves at midnight.",)), grounding.NOT_QUOTED),
        (Pair("When does it leave?", "At noon.", ("noon",)), grounding.NOT_QUOTED),
        (Pair("When does it leave?", "At noon.", (*PROOF, "It is blue and white.")), grounding.NOT_QUOTED),
        (Pair("What does it cost?", "It costs 1,350 crowns.", PROOF), grounding.OTHER_FIGURES),
        (Pair("What does the passage say?", "It leaves at noon.", PROOF), grounding.POINTS_AT),
        (Pair("When does it leave?", "According to the text at noon.", PROOF), grounding.POINTS_AT),
        (Pair("Wann fährt sie laut dem Text?", "At noon.", PROOF), grounding.POINTS_AT),
        (Pair("?!?!?!?!?", "At noon.", PROOF), grounding.UNASKED),
        (
            Pair("When does it leave?", "Somewhere beyond rainbows unicorns gallop merrily.", PROOF),
            grounding.OTHER_WORDS,
        ),
    ],
)
def test_what_it_does_not_prove_is_refused_with_a_reason(pair: Pair, reason: str) -> None:
    assert refusal(pair, PASSAGE) == reason


def test_a_script_without_blanks_is_not_judged_by_its_words() -> None:
    passage = Passage("渡轮中午出发,票价二十元。六岁以下儿童免费乘坐。", (), ())
    pair = Pair("渡轮什么时候出发开航呢?", "它在中午时分启航离开。", ("渡轮中午出发,票价二十元。",))
    assert refusal(pair, passage) == ""
