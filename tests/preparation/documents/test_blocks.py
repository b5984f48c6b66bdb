import pytest
from hypothesis import given
from hypothesis import strategies as st

from preparation.documents.blocks import blocks, reflow

WRAPPED = """The harbour office opens at eight in the morning and closes when the last
ferry has left, which in summer may be as late as eleven. Nobody has to wait
in the rain: the hall is open all day."""


def test_hard_wrapped_lines_become_one_paragraph() -> None:
    assert "\n" not in reflow(WRAPPED)
    assert reflow(WRAPPED).split() == WRAPPED.split()


def test_words_parted_at_a_line_end_are_joined() -> None:
    text = WRAPPED.replace("which in", "which in sum-\nmer").replace("summer may", "may")
    assert "summer may be" in reflow(text)


def test_a_compound_keeps_its_hyphen_at_a_line_end() -> None:
    text = (
        "It is a well-known fact that ferries leave on time here, and the well-\nknown ferry is one of them."
    )
    assert reflow(text).endswith("the well-known ferry is one of them.")


@pytest.mark.parametrize(
    "text",
    [
        "- first item\n- second item\n- third item",
        "1. Open the lid.\n2. Fill in water.\n3. Close it.",
        "| Port | Ferries |\n|------|---------|\n| Oslo | 4 |",
        "Port      Ferries   Fare\nOslo      4         20\nKiel      2         45",
        "```python\ndef wait(minutes):\n    return minutes * 2\n```",
        "Harbour Office\n12 Quay Street\nOldport",
        "Grey is the water\nGrey is the sky\nNothing that flies\nComes passing by",
    ],
)
def test_lists_tables_code_addresses_and_verse_keep_their_lines(text: str) -> None:
    assert reflow(text) == text


def test_items_that_run_over_a_line_are_joined() -> None:
    item = "- an item that is so long that it had to be broken at the margin of the page, as\n  one does"
    text = f"{WRAPPED}\n\n{item}\n- short"
    assert reflow(text).endswith("page, as one does\n- short")


def test_kinds_of_blocks_are_told_apart() -> None:
    text = "# Title\n\nText.\n\nUnder\n=====\n\n- a\n- b\n\n| a | b |\n| 1 | 2 |\n\n```\nx\n\ny\n```"
    assert [block.kind for block in blocks(text)] == [
        "heading",
        "paragraph",
        "heading",
        "list",
        "table",
        "code",
    ]


def test_a_paragraph_ends_where_a_sentence_ends_before_the_margin() -> None:
    more = (
        "The café beside it has the same hours and takes cards, and sells the tickets that\nare valid today."
    )
    text = f"{WRAPPED}\n{more}"
    assert "all day.\n\nThe café" in reflow(text)


@given(st.text(alphabet="ab cd.\n-|#1", max_size=120))
def test_no_letter_is_lost_by_reflow(text: str) -> None:
    def letters(value: str) -> str:
        return "".join(character for character in value if character.isalnum())

    assert letters(reflow(text)) == letters(text)
