import io
from datetime import date, datetime

import pytest
import xlsxwriter

from preparation.readers import Unreadable
from records import Drop, Row


def book(*sheets: list[list], merged: str = "") -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"default_date_format": "yyyy-mm-dd"}) as workbook:
        for rows in sheets:
            sheet = workbook.add_worksheet()
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
            if merged:
                sheet.merge_range(merged, "north")
    return stream.getvalue()


def fields(items: list) -> list[dict[str, str]]:
    return [row.fields for row in items if isinstance(row, Row)]


def test_numbers_dates_and_truths_are_written_as_people_do(read) -> None:
    head = ["name", "count", "share", "day", "open"]
    rows = [
        ["Gull", 3, 0.25, date(2026, 3, 2), True],
        ["Tern", 1e6, 1.5, datetime(2026, 3, 2, 10, 30), False],
    ]
    assert fields(read("x.xlsx", book([head, *rows]))) == [
        {"name": "Gull", "count": "3", "share": "0.25", "day": "2026-03-02", "open": "true"},
        {"name": "Tern", "count": "1000000", "share": "1.5", "day": "2026-03-02 10:30:00", "open": "false"},
    ]


def test_what_stands_above_and_beside_a_table_does_not_break_it(read) -> None:
    rows = [
        ["Boats of the year"],
        [],
        ["", "name", "metres"],
        ["", "Gull", 12],
        ["", "", ""],
        ["", "Tern", 9],
    ]
    items = read("x.xlsx", book(rows))
    assert fields(items) == [{"name": "Gull", "metres": "12"}, {"name": "Tern", "metres": "9"}]
    assert [(drop.reason, drop.source.row) for drop in items if isinstance(drop, Drop)] == [
        ("a line above the table", 1)
    ]
    assert [row.source.row for row in items if isinstance(row, Row)] == [4, 6]


def test_a_value_merged_over_rows_holds_for_each_of_them(read) -> None:
    rows = [["bank", "boat"], ["north", "Gull"], ["", "Tern"]]
    found = fields(read("x.xlsx", book(rows, merged="A2:A3")))
    assert found == [{"bank": "north", "boat": "Gull"}, {"bank": "north", "boat": "Tern"}]


def test_a_hidden_sheet_is_left_out_by_name(read) -> None:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as workbook:
        for name in ("Boats", "Prices"):
            sheet = workbook.add_worksheet(name)
            sheet.write_row(0, 0, ["boat", "bank"])
            sheet.write_row(1, 0, [f"Gull of {name}", "north"])
        sheet.hide()
    items = read("x.xlsx", stream.getvalue())
    assert fields(items) == [{"boat": "Gull of Boats", "bank": "north"}]
    (drop,) = (item for item in items if isinstance(item, Drop))
    assert (drop.reason, drop.excerpt) == ("a hidden sheet", "Prices")


def test_formulas_that_no_program_has_worked_out_are_told(read) -> None:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as workbook:
        workbook.add_worksheet().write_formula(0, 0, '=CONCAT("a", "b")', None, "")
    with pytest.raises(Unreadable, match="formulas hold no values; open it in its program"):
        read("x.xlsx", stream.getvalue())


def test_formulas_without_values_among_values_are_told(read) -> None:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate([["boat", "price"], ["Gull", "4"], ["Tern", "5"]]):
            sheet.write_row(number, 0, row)
        sheet.write_formula("B2", "=2*2", None, 4)
        sheet.write_formula("B3", "=2+3", None, "")
    items = read("x.xlsx", stream.getvalue())
    assert fields(items) == [{"boat": "Gull", "price": "4"}, {"boat": "Tern", "price": ""}]
    (drop,) = (item for item in items if isinstance(item, Drop))
    assert (drop.reason, drop.excerpt) == ("formulas without values", "B3")


def test_a_sheet_of_one_column_of_prose_is_text(read) -> None:
    notes = ["The ferry leaves at noon, and it takes nine minutes.", "It comes back when the tide allows it."]
    (row,) = read("x.xlsx", book([[note] for note in notes]))
    assert row.text == "\n\n".join(notes)
