from collections.abc import Sequence

import pytest

from preparation.noise import Denoiser, NoiseProfile, is_too_short
from records import Row

BODY = [
    "Ferries leave every two hours from the northern quay, weather permitting.",
    "Tickets are sold in the hall, on board and by the machines at the gate.",
    "Bicycles travel free of charge if there is room for them on the car deck.",
    "In winter the last boat goes at six; the night line is served on Fridays.",
]


def cleaned(rows: Sequence[Row]) -> tuple[list[str], list[tuple[str, str]]]:
    profile = NoiseProfile()
    for row in rows:
        profile.add(row)
    profile.end_document()
    denoiser = Denoiser(profile.headers, profile.boilerplate())
    texts, removals = [], []
    for row in rows:
        quiet, removed = denoiser.clean(row)
        text, boilerplate = denoiser.without_boilerplate(row.model_copy(update={"text": quiet}))
        texts.append(text.strip())
        removals += [(one.rule, one.text) for one in (*removed, *boilerplate)]
    return texts, removals


def test_headers_and_footers_that_repeat_over_pages_go(new) -> None:
    rows = [new.page(n, f"Harbour Handbook 2026\n{body}\nPage {n} of 4") for n, body in enumerate(BODY, 1)]
    texts, removed = cleaned(rows)
    assert texts == BODY
    assert removed.count(("repeated header or footer", "Harbour Handbook 2026")) == 4
    assert ("repeated header or footer", "Page 3 of 4") in removed


def test_headers_of_left_and_right_pages_go(new) -> None:
    rows = [
        new.page(
            n, f"{'Harbour Handbook' if n % 2 else 'Chapter on ferries'}\n{BODY[n % 4]} ({n} times a day)"
        )
        for n in range(1, 9)
    ]
    texts, _ = cleaned(rows)
    assert texts == [f"{BODY[n % 4]} ({n} times a day)" for n in range(1, 9)]


def test_a_first_line_that_stands_on_one_page_only_stays(new) -> None:
    rows = [new.page(n, f"{body}\nfooter") for n, body in enumerate(BODY, 1)]
    texts, _ = cleaned(rows)
    assert texts == BODY


@pytest.mark.parametrize("number", ["7", "- 7 -", "vii", "p. 7", "7/12", "[7]"])
def test_bare_page_numbers_at_the_edge_of_a_page_go(new, number: str) -> None:
    texts, removed = cleaned([new.page(7, f"{BODY[0]}\n{number}")])
    assert texts == [BODY[0]]
    assert removed == [("page number", number)]


@pytest.mark.parametrize("line", ["42", "Civil", "mix", "1/2 cup of sugar", "Page 9 tells of the ferries."])
def test_lines_that_only_look_like_page_numbers_stay_in_the_middle(new, line: str) -> None:
    text = f"{BODY[0]}\n{line}\n{BODY[1]}"
    texts, removed = cleaned([new.page(1, text)])
    assert (texts, removed) == ([text], [])


def test_a_table_of_contents_goes_with_its_title(new) -> None:
    text = f"Contents\nFerries ........ 3\nTickets . . . . . . 12\nNight line …… iv\n\n{BODY[0]}"
    texts, removed = cleaned([new.section(1, text)])
    assert texts == [BODY[0]]
    assert {rule for rule, _ in removed} == {"table of contents"}
    assert len(removed) == 4


def test_a_table_of_pages_goes_before_questions_are_made_of_it(new) -> None:
    rows = "| I | Harbour | 1 |\n| II | Storm | 17 |\n| III | Home | 40 |"
    table = f"| Chapter | Title | Page |\n|---|---|---|\n{rows}"
    texts, removed = cleaned([new.section(1, f"{table}\n\n{BODY[0]}", "The Voyage")])
    assert texts == [BODY[0]]
    assert {rule for rule, _ in removed} == {"table of contents"}


@pytest.mark.parametrize(
    "line",
    ["[Image unavailable.]", "[Ilustración: el puerto]", "[Illustration]", "![The quay](images/quay.png)"],
)
def test_places_of_pictures_go(new, line: str) -> None:
    texts, removed = cleaned([new.section(1, f"{BODY[0]}\n\n{line}\n\n{BODY[1]}")])
    assert [text.split("\n") for text in texts] == [[BODY[0], "", "", BODY[1]]]
    assert removed == [("place of a picture", line)]


def test_a_picture_in_a_sentence_stays(new) -> None:
    text = "Press ![the bell](bell.png) twice, see [Figure 2] and [image sizes](sizes.md)."
    assert cleaned([new.section(1, text)]) == ([text], [])


def test_dots_in_a_sentence_are_no_table_of_contents(new) -> None:
    text = "He waited.... and waited, for 12 hours in all..."
    assert cleaned([new.section(1, text)]) == ([text], [])


def test_boilerplate_of_three_documents_is_kept_once(new) -> None:
    notice = "Oldport Harbour is a company with limited liability, entered in the register of Oldport."
    rows = [new.section(1, f"{body}\n\n{notice}", uri=f"/data/{n}.md") for n, body in enumerate(BODY)]
    texts, removed = cleaned(rows)
    assert [notice in text for text in texts] == [True, False, False, False]
    assert removed == [("boilerplate", notice)] * 3


def test_a_paragraph_of_two_documents_is_no_boilerplate(new) -> None:
    notice = "Oldport Harbour is a company with limited liability, entered in the register of Oldport."
    rows = [new.section(1, f"{body}\n\n{notice}", uri=f"/data/{n}.md") for n, body in enumerate(BODY[:2])]
    assert cleaned(rows)[1] == []


def test_a_copied_page_teaches_no_headers(new) -> None:
    text = f"To whom it may concern\n{BODY[0]}\nKind regards"
    texts, removed = cleaned([new.page(1, text), new.page(2, text)])
    assert texts == [text, text]
    assert removed == []


def test_the_head_of_a_table_that_goes_on_over_pages_stays(new) -> None:
    rows = [new.page(n, f"| Port | Fare |\n| {body} | {n} |") for n, body in enumerate(BODY, 1)]
    assert cleaned(rows)[1] == []


@pytest.mark.parametrize(
    ("text", "heading", "short"),
    [
        ("ok", (), True),
        ("No.", ("Do you ship abroad?",), False),
        ("三号码头的渡轮每天早上八点出发", (), False),
        (BODY[0], (), False),
    ],
)
def test_what_is_too_short(text: str, heading: tuple[str, ...], short: bool) -> None:
    assert is_too_short(text, heading) is short
