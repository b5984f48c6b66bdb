from preparation.readers.document import Block, fenced, pieces, rows, table
from preparation.readers.text import SECTION
from records import Drop, Source

HERE = Source(uri="/x")


def test_sections_stand_under_their_headings_and_are_counted() -> None:
    blocks = [
        Block("Intro."),
        Block("A", 1),
        Block("One."),
        Block("B", 2),
        Block("Two."),
        Block("C", 1),
        Block("Three."),
    ]
    found = list(rows(blocks, HERE, "Book"))
    assert [(row.heading, row.text, row.source.element) for row in found] == [
        (("Book",), "Intro.", 1),
        (("Book", "A"), "One.", 2),
        (("Book", "A", "B"), "Two.", 3),
        (("Book", "C"), "Three.", 4),
    ]


def test_a_heading_with_nothing_under_it_is_told_and_one_that_is_a_paragraph_is_one() -> None:
    items = list(rows([Block("A", 1), Block("B", 1), Block("word " * 99, 2), Block("C", 1)], HERE))
    assert [item.reason if isinstance(item, Drop) else item.heading for item in items] == [
        "a heading with nothing under it",
        ("B",),
        "a heading with nothing under it",
    ]


def test_long_tables_and_code_go_on_with_header_and_fence() -> None:
    lines = [["name", "words"], *([f"n{at}", "w" * 50] for at in range(200))]
    parts = list(pieces(table(lines)))
    assert len(parts) > 2
    assert all(part.startswith("| name | words |\n| --- | --- |\n| n") for part in parts)
    code = list(pieces(fenced("x = 1\n" * 2000, "python")))
    assert all(part.startswith("```python\n") and part.endswith("\n```") for part in code)
    assert all(len(part) <= SECTION for part in (*parts, *code))


def test_a_long_paragraph_is_cut_behind_sentences_and_nothing_is_lost() -> None:
    text = " ".join(["The ferry leaves at noon."] * 1000)
    parts = list(pieces(text))
    assert all(part.endswith("noon.") for part in parts)
    assert " ".join(parts).split() == text.split()


def test_cells_keep_their_lines_and_empty_columns_go() -> None:
    assert (
        table([["a", "", "b"], ["1\n2", "", "x|y"], ["", "", ""]])
        == "| a | b |\n| --- | --- |\n| 1<br>2 | x\\|y |"
    )
    assert table([["", ""]]) == ""
