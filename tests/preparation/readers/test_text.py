import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preparation.readers import Unreadable
from preparation.readers.text import SECTION


def test_a_short_text_is_one_row_as_written(read) -> None:
    (row,) = read("short.txt", "\n\nFirst line\n  second\n\n\nThird\n")
    assert (row.text, row.source.line, row.heading) == ("First line\n  second\n\n\nThird", 3, ())


def test_umlauts_of_a_tiny_windows_file_are_right(read) -> None:
    (row,) = read("tiny.txt", "Käse für Günther".encode("cp1252"))
    assert row.text == "Käse für Günther"


def test_a_long_text_is_cut_between_its_paragraphs(read) -> None:
    paragraphs = [f"Paragraph {number}. " + "It goes on. " * 60 + "End." for number in range(20)]
    rows = read("long.txt", "\n\n".join(paragraphs))
    assert "\n\n".join(row.text for row in rows).split("\n\n") == paragraphs
    assert all(SECTION / 2 < len(row.text) <= SECTION for row in rows[:-1])
    assert [row.source.line for row in rows] == [1, 11, 21, 31]


def test_a_page_break_is_a_place_to_cut(read) -> None:
    rows = read("pages.txt", "first page\n" * 300 + "\f" + "second page\n" * 300)
    assert [row.text.split("\n")[0] for row in rows] == ["first page", "\fsecond page"]


def test_a_line_without_end_is_cut_behind_sentences(read) -> None:
    sentence = "It never stops, this line of words. "
    rows = read("line.txt", sentence * 1000)
    assert len(rows) > 5
    assert all(row.text.endswith(".") and len(row.text) <= SECTION and row.source.line == 1 for row in rows)


def test_a_text_of_blanks_is_empty(read) -> None:
    with pytest.raises(Unreadable, match="empty"):
        read("blank.txt", "\u2028 \n\t\n")


PARTS = ["word ", "Ende. ", "字。", "\n", "\n\n", "\f", "x" * 900]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PARTS), st.integers(1, 200)), max_size=12))
def test_no_letter_is_lost(read, parts: list[tuple[str, int]]) -> None:
    text = "start " + "".join(part * count for part, count in parts)
    rows = read("any.txt", text)
    assert "".join("".join(row.text for row in rows).split()) == "".join(text.split())
    assert all(len(row.text) <= SECTION for row in rows)
    lines = [row.source.line for row in rows]
    assert lines == sorted(lines)
