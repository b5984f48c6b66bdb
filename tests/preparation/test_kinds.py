import pytest

from errors import InvalidData
from preparation.kinds import Survey, decide, survey
from preparation.rowfile import line_of

PROSE = (
    "Trains come first for journeys under six hours. Flights need the approval of the head of department. "
    * 4
)


def surveyed(rows, use_case: str, label: str | None) -> Survey:
    return survey(map(line_of, rows), use_case, label)


def decided(rows, use_case: str = "", label: str | None = None) -> str:
    return decide(surveyed(rows, use_case, label), use_case)[0]


def labelled(new, count: int = 30) -> list:
    return [
        new.record(
            n, text=f"My parcel {n} has not come, where can it be?", category="abc"[n % 3], uri="/data/l.csv"
        )
        for n in range(count)
    ]


def paired(new, count: int = 30) -> list:
    return [
        new.record(n, question=f"Where is parcel {n}?", answer=f"At depot {n}.", uri="/data/p.csv")
        for n in range(count)
    ]


def written(new, count: int, *heading: str) -> list:
    return [new.section(n, PROSE, *heading, uri="/data/d.md") for n in range(count)]


def test_labelled_rows_are_classified_and_it_says_why(new) -> None:
    kind, why = decide(surveyed(labelled(new), "", None), "")
    assert kind == "classify"
    assert why == "Column “category” holds 3 values over 30 rows, so each row became a text with its label."


def test_pairs_and_dialogues_are_chat(new) -> None:
    assert decided(paired(new)) == "chat"
    assert decided([new.dialogue(n, ("user", "Hi"), ("assistant", f"Hello {n}")) for n in range(9)]) == "chat"


def test_dialogues_with_few_short_answers_are_classified(new) -> None:
    rows = [
        new.dialogue(n, ("user", f"Where is parcel {n}?"), ("assistant", ("late", "lost")[n % 2]))
        for n in range(40)
    ]
    assert decided(rows) == "classify"


@pytest.mark.parametrize(
    ("use_case", "kind"),
    [
        ("Write in the voice of these documents", "style"),
        ("Answer employees' questions about travel", "reference"),
        ("Answer questions in a friendly tone", "reference"),
        ("Write like our help centre", "style"),
        ("Something", "reference"),
    ],
)
def test_the_use_case_decides_about_documents(new, use_case: str, kind: str) -> None:
    rows = [*written(new, 6, "Trains", "Thoughts on trains"), *written(new, 6, "Trains", "Booking a train")]
    assert decided(rows, use_case) == kind


def test_documents_without_questions_are_style(new) -> None:
    assert decided(written(new, 6, "Thoughts"), "Something") == "style"
    assert decided(written(new, 6), "Answer questions") == "style"


def test_the_shape_of_most_rows_decides_whatever_the_use_case(new) -> None:
    assert decided([*labelled(new, 60), *written(new, 3, "Ferries")], "Write in our voice") == "classify"
    assert decided([*labelled(new, 3), *written(new, 60, "Ferries")], "Route tickets") != "classify"


def test_where_two_kinds_are_close_the_use_case_decides(new) -> None:
    rows = [*labelled(new, 30), *paired(new, 25)]
    assert decided(rows, "Answer customers") == "chat"
    assert decided(rows, "Route tickets to a team") == "classify"


def test_an_unknown_label_is_invalid_data(new) -> None:
    with pytest.raises(InvalidData, match="no column 'topic'") as caught:
        surveyed(labelled(new), "", "topic")
    assert "text, category" in caught.value.hint


def test_a_label_for_data_without_columns_is_invalid_data(new) -> None:
    with pytest.raises(InvalidData, match="no columns"):
        surveyed(written(new, 2), "", "topic")
