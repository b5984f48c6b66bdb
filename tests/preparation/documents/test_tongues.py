import pytest

from preparation.documents.tongues import day, is_time, language


@pytest.mark.parametrize(
    ("text", "tongue"),
    [
        ("The ferry is on time and you can pay in the harbour.", "en"),
        ("Die Fähre ist pünktlich, und der Preis ist nicht hoch.", "de"),
        ("Le bac est dans le port et les billets sont pour vous.", "fr"),
        ("Das ist die Rechnung, die wir mit der Post senden.", "de"),
        ("渡轮每天早上八点出发", "en"),
    ],
)
def test_the_language_is_told_by_common_words(text: str, tongue: str) -> None:
    assert language(text) == tongue


def test_a_text_without_common_words_keeps_the_language_before_it() -> None:
    assert language("| Nr. | Preis |\n| 1 | 80 |", otherwise="de") == "de"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Mon", "Monday"),
        ("Di.", "Dienstag"),
        ("jeudi", "jeudi"),
        ("Sept", "September"),
        ("M", ""),
        ("Price", ""),
    ],
)
def test_days_and_months_are_known_by_their_beginnings(text: str, name: str) -> None:
    assert day(text) == name


@pytest.mark.parametrize(
    ("text", "time"), [("2024", True), ("Q3", True), ("2023/24", True), ("KW 12", True), ("Fare", False)]
)
def test_columns_that_are_times(text: str, time: bool) -> None:
    assert is_time(text) is time
