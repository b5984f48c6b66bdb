import csv
import io

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from preparation.readers import Unreadable
from records import Drop, Row

TICKETS = [
    {"text": "Hello, where is my parcel?", "queue": "delivery"},
    {"text": 'The "new" lamp\nis broken; help', "queue": "returns"},
    {"text": "Größe | Maß\tfalsch, it's wrong", "queue": "returns"},
]


def fields(items: list[Row | Drop]) -> list[dict[str, str]]:
    return [item.fields for item in items if isinstance(item, Row)]


def reasons(items: list[Row | Drop]) -> list[tuple[str, int | None]]:
    return [(item.reason, item.source.row) for item in items if isinstance(item, Drop)]


def written(rows: list[dict[str, str]], **options: str | int) -> str:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), **options)  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_delimiters_quotes_and_encodings_are_detected(
    read, encoding: str, delimiter: str, quoting: int
) -> None:
    content = written(TICKETS, delimiter=delimiter, quoting=quoting).encode(encoding)
    rows = read("tickets.csv", content)
    assert fields(rows) == TICKETS
    assert [row.source.row for row in rows] == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("sep=;\nname;price\nlamp;1,5\n", {"name": "lamp", "price": "1,5"}),
        ("name;price\nlamp;1,5\nplug;2,3\n", {"name": "lamp", "price": "1,5"}),
        ("'name','note'\n'it is, well','a'\n'x','b'\n", {"name": "it is, well", "note": "a"}),
        ('name,note\n"said \\"no, you\\"",a\n"x, y",b\n', {"name": 'said "no, you"', "note": "a"}),
        ('name, note\n"hello, you", a\n', {"name": "hello, you", "note": "a"}),
        ("name,note\rlamp,x\rplug,y\r", {"name": "lamp", "note": "x"}),
        ('name\tnote\nthe 5" pipe\tx\n"open\ty\n', {"name": 'the 5" pipe', "note": "x"}),
        (" name , note \n lamp , x \n", {"name": "lamp", "note": "x"}),
        ("name,name,,x\n1,2,3,4\n", {"name": "1", "name_2": "2", "column_3": "3", "x": "4"}),
        ("name,note,\nlamp,x,\n", {"name": "lamp", "note": "x"}),
        ("Tickets of May\n\nname,note\nlamp,x\nplug,y\n", {"name": "lamp", "note": "x"}),
        ("name,note\nlamp\n,\nplug,y\n", {"name": "plug", "note": "y"}),
        ("text\nHello, my friend\nNo comma\n", {"text": "Hello, my friend"}),
        ('text\n"Hello, my\nfriend"\nx\n', {"text": "Hello, my\nfriend"}),
        (
            "Where?,delivery\nBroken.,returns\nWhen?,delivery\n",
            {"column_1": "Where?", "column_2": "delivery"},
        ),
        ("1,2\n3,4\n", {"column_1": "1", "column_2": "2"}),
    ],
)
def test_tables_as_people_write_them_are_read(read, content: str, expected: dict[str, str]) -> None:
    assert fields(read("table.csv", content))[0] == expected


def test_a_cell_as_long_as_a_book_is_read(read) -> None:
    (row,) = read("long.csv", f'text,label\n"{"word " * 50_000}",a\n')
    assert len(row.fields["text"]) == 5 * 50_000 - 1


def test_rows_that_do_not_fit_are_dropped_with_a_reason(read) -> None:
    content = "id,text,label\n1,a,x\n2,b\n3,c,d,y\nTotal\n,,\nid,text,label\n4,e,z,,\n"
    items = read("ragged.csv", content)
    assert fields(items) == [
        {"id": "1", "text": "a", "label": "x"},
        {"id": "2", "text": "b", "label": ""},
        {"id": "4", "text": "e", "label": "z"},
    ]
    assert reasons(items) == [
        ("a row with more cells than columns", 3),
        ("a row of a single cell", 4),
        ("an empty row", 5),
        ("the header once more", 6),
    ]


def test_unquoted_commas_are_mended_where_the_labels_leave_no_doubt(read) -> None:
    lines = ["text,label"]
    for number in range(6):
        lines += [f"Hello number {number}, how are you,greeting", f"Where is parcel number {number},delivery"]
    items = read("commas.csv", "\n".join([*lines, "Well, well,what is this"]))
    assert fields(items)[0] == {"text": "Hello number 0, how are you", "label": "greeting"}
    assert len(fields(items)) == 12
    assert reasons(items) == [("a row with more cells than columns", 13)]


def test_cells_beyond_the_last_column_are_no_part_of_the_text(read) -> None:
    lines = ["text,queue"]
    for number in range(10):
        lines += [f"Parcel {number} is late,delivery", f"Parcel {number} is broken,returns,checked,yes"]
    items = read("more.csv", "\n".join(lines))
    assert {row["queue"] for row in fields(items)} == {"delivery"}
    assert {reason for reason, _ in reasons(items)} == {"a row with more cells than columns"}


def test_rows_parted_by_another_mark_are_read_where_their_labels_are_known(read) -> None:
    lines = ["text,queue"]
    for number in range(10):
        lines += [f"Where is parcel {number}?,delivery", f"Parcel {number} is broken.;returns"]
        lines += [f"When will parcel {number} be here?,delivery"]
    items = read("marks.csv", "\n".join([*lines, "Total; 20 rows"]))
    assert fields(items)[1] == {"text": "Parcel 0 is broken.", "queue": "returns"}
    assert len(fields(items)) == 30
    assert reasons(items) == [("a row of a single cell", 31)]


@pytest.mark.parametrize("rows_after", [3, 3000])
def test_a_quote_that_never_closes_costs_no_other_row(read, rows_after: int) -> None:
    after = "".join(f"{number},good,a\n" for number in range(rows_after))
    items = read("stray.csv", f'id,text,label\n0,fine,a\n1,"stray,b\n{after}')
    assert [row["text"] for row in fields(items)] == ["fine", "stray"] + ["good"] * rows_after


def test_lines_above_the_table_are_dropped(read) -> None:
    items = read("titled.csv", "Tickets of May,,\nid,text,label\n1,a,x\n2,b,y\n")
    assert [row["id"] for row in fields(items)] == ["1", "2"]
    assert reasons(items) == [("a line above the table", None)]


def test_a_header_alone_is_told(read) -> None:
    with pytest.raises(Unreadable, match="names of columns but no rows"):
        read("header.csv", "text,label\n")


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).map(str.strip)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(CELL, CELL), min_size=3, max_size=8), st.sampled_from(",;\t|"))
def test_what_a_csv_writer_wrote_comes_back(read, rows: list[tuple[str, str]], delimiter: str) -> None:
    assume(all(cell not in ("", "question", "answer") for row in rows for cell in row))
    pairs = [{"question": question, "answer": answer} for question, answer in rows]
    content = written(pairs, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    assert fields(read("fuzz.csv", content)) == pairs


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.sampled_from("\"',;\\ab1 \t"), max_size=20))
def test_no_line_costs_its_neighbours(read, odd: str) -> None:
    before = [f"before{number} text,yes" for number in range(6)]
    after = [f"after{number} text,no" for number in range(6)]
    items = read("odd.csv", "\n".join(["text,label", *before, odd, *after]))
    texts = [row.get("text") for row in fields(items)]
    assert [f"{place}{number} text" for place in ("before", "after") for number in range(6)] == [
        text for text in texts if text and text.startswith(("before", "after"))
    ]


def test_lines_that_are_quoted_as_a_whole_are_rows(read) -> None:
    lines = ['"text,label"', '"""Late, again"",late"', '"Lost,lost"', '"""He said """"no"""""",angry"']
    assert [dict(row.fields) for row in read("whole.csv", "\r\n".join(lines))] == [
        {"text": "Late, again", "label": "late"},
        {"text": "Lost", "label": "lost"},
        {"text": 'He said "no"', "label": "angry"},
    ]


def test_one_column_of_quoted_sentences_stays_one(read) -> None:
    lines = ['"text"', '"Late, again."', '"Lost, I fear."', '"Here, at last."']
    assert [len(row.fields) for row in read("one.csv", "\n".join(lines))] == [1, 1, 1]


@pytest.mark.parametrize(
    "asked", ["Which team?", "On a scale from one to five, how content are you with it all?"]
)
def test_the_answers_to_a_form_stand_under_its_questions(read, asked: str) -> None:
    lines = [
        f'"2026/01/{n:02} 3:04 PM GMT+1","ann{n}@example.org","Why is parcel {n} late?","It is {n}","{n % 3}"'
        for n in range(1, 9)
    ]
    head = f'"Timestamp","Email Address","What is your question?","Where and when was it sent?","{asked}"'
    rows = read("Form Responses 1.csv", "\n".join([head, *lines]))
    assert len(rows) == 8
    assert rows[0].fields["What is your question?"] == "Why is parcel 1 late?"
    assert rows[0].fields[asked] == "1"


def test_files_put_one_behind_the_other_are_one_table(read) -> None:
    part = "\ufeffquestion,answer\nIs it late?,No\n"
    first, drop, second = read("both.csv", part + part.replace("late", "lost"))
    assert (first.fields["question"], second.fields["question"]) == ("Is it late?", "Is it lost?")
    assert drop.reason == "the header once more"
