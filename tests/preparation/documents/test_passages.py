import pytest

from preparation.documents.passages import LONGEST, ending, passages, pieces
from preparation.documents.plain_headings import plain_heading

SENTENCE = "The ferry leaves when the last car is on board and the ramp is up. "


def test_headings_of_a_plain_text_are_found(new) -> None:
    text = f"TRAVEL POLICY\n\n1. Scope\n\n{SENTENCE}\n\n2. Booking trains\n\n{SENTENCE}\n\n{SENTENCE}"
    assert [piece.heading for piece in pieces([new.section(1, text)])] == [
        ("TRAVEL POLICY", "1. Scope"),
        ("TRAVEL POLICY", "2. Booking trains"),
        ("TRAVEL POLICY", "2. Booking trains"),
    ]


def test_headings_among_the_lines_of_a_page_are_found(new) -> None:
    text = f"{SENTENCE}\n2 Related Work\n{SENTENCE * 2}"
    assert [piece.heading for piece in pieces([new.page(1, text)])] == [(), ("2 Related Work",)]


def test_numbered_headings_of_a_page_are_no_list(new) -> None:
    body = SENTENCE * 2
    text = f"Terms of the ferry\n{body}\n1. Who may travel\n{body}\n2. How long it lasts\n{body}"
    assert [piece.heading for piece in pieces([new.page(1, text)])] == [
        ("Terms of the ferry",),
        ("Terms of the ferry", "1. Who may travel"),
        ("Terms of the ferry", "2. How long it lasts"),
    ]


def test_numbered_steps_are_no_headings(new) -> None:
    steps = "1. Open the app\n2. Choose a ferry\n3. Pay by card or by the account of your firm, as you like"
    text = f"{SENTENCE}\n\n{steps}"
    assert {piece.heading for piece in pieces([new.page(1, text)])} == {()}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("3.2 Training Data", True), ("CHAPTER I", True), ("Kapitel 4", True), ("What does it cost?", True),
        ("Opening Hours of the Office", True), ("References", True), ("The ferry leaves at ten.", False),
        ("the hours", False), ("Kind regards,", False), ("12 eggs", False), ("It was cold", False),
    ],
)  # fmt: skip
def test_lines_that_read_like_headings(line: str, found: bool) -> None:
    assert bool(plain_heading(line)) is found


def test_a_paragraph_that_a_page_broke_is_whole_again(new) -> None:
    rows = [new.page(1, "The ferry leaves when the last car"), new.page(2, f"is on board. {SENTENCE}")]
    (piece,) = pieces(rows)
    assert piece.text.startswith("The ferry leaves when the last car is on board.")
    assert [source.page for source in piece.sources] == [1, 2]


def test_passages_keep_to_their_size_and_lose_nothing(new) -> None:
    text = "\n\n".join(SENTENCE * (1 + n % 9) for n in range(20))
    found = list(passages(pieces([new.section(1, text, "Ferries")])))
    assert all(len(passage.text) <= LONGEST + 2 for passage in found)
    assert [passage.part for passage in found] == list(range(1, len(found) + 1))
    assert " ".join(passage.text for passage in found).split() == text.split()


def test_one_endless_paragraph_is_cut_at_sentence_ends(new) -> None:
    found = list(passages(pieces([new.section(1, SENTENCE * 100, "Ferries")])))
    assert len(found) > 3
    assert all(passage.text.endswith("up.") for passage in found)


def test_a_table_is_never_cut(new) -> None:
    table = "\n".join(f"| port {n} | {'ferries ' * 9}|" for n in range(60))
    found = list(passages(pieces([new.section(1, f"{SENTENCE}\n\n{table}\n\n{SENTENCE}", "Ports")])))
    assert table in "\n\n".join(passage.text for passage in found if "port 0 " in passage.text)


def test_a_new_heading_begins_a_passage(new) -> None:
    rows = [new.section(n, SENTENCE * 3, "Ferries", f"Line {n}") for n in (1, 2)]
    assert [passage.heading[-1] for passage in passages(pieces(rows))] == ["Line 1", "Line 2"]


def test_a_section_of_one_line_takes_in_the_next(new) -> None:
    rows = [new.section(1, "All about ferries.", "Ferries"), new.section(3, SENTENCE * 3, "Ferries", "Lines")]
    (passage,) = passages(pieces(rows))
    assert passage.text.startswith("All about ferries.\n\n## Lines\n\nThe ferry")


def test_the_ending_of_a_text_is_whole_sentences() -> None:
    assert ending(SENTENCE * 20, 150) == (SENTENCE * 2).strip()
    assert len(ending("word " * 200, 100)) <= 101
