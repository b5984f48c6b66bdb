"""Text that stands in columns is read column by column, a table row by row."""

from pathlib import Path

from benchmarks.pdfs import one_column, two_columns, written


def words(read, path: Path) -> list[str]:
    return " ".join(row.text for row in read("pages.pdf", path.read_bytes())).split()


def test_columns_that_were_written_line_by_line_are_read_one_after_the_other(read, tmp_path: Path) -> None:
    expected = two_columns(tmp_path / "two.pdf", 1).split()
    found = words(read, tmp_path / "two.pdf")
    start = found.index(expected[0])
    assert found[start : start + len(expected)] == expected
    assert found[:start] == ["Yearbook", "of", "the", "ferry"] and found[start + len(expected) :] == ["1"]


def test_one_column_is_read_as_it_stands(read, tmp_path: Path) -> None:
    expected = one_column(tmp_path / "one.pdf", 1).split()
    found = words(read, tmp_path / "one.pdf")
    assert found[-len(expected) :] == expected


def test_rows_of_a_table_stay_together(read, tmp_path: Path) -> None:
    terms = [f"Term of the harbour {number}" for number in range(20)]
    meanings = [f"What is meant by number {number}" for number in range(20)]
    written(tmp_path / "table.pdf", [[terms, meanings]])
    (row,) = read("table.pdf", (tmp_path / "table.pdf").read_bytes())
    text = " ".join(row.text.split())
    assert all(f"{term} {meaning}" in text for term, meaning in zip(terms, meanings, strict=True))
