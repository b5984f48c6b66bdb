import json
from pathlib import Path

import pytest

from errors import InvalidData
from preparation import rowfile
from preparation.clean import clean
from records import Drop, Redaction, Rows, Source

LONG = (
    "The night ferry leaves at ten from the northern quay and reaches the island by six in the morning, and "
    "passengers may stay in their cabins until eight if they have booked breakfast on board with their ticket"
)


def kept(rows: Rows) -> list[str]:
    return [
        row.text or " | ".join(row.fields.values()) or row.messages[-1].content
        for row in rowfile.read_rows(rows.uri)
    ]


def test_rows_are_repaired_and_that_is_told(make_rows, new, tmp_path: Path) -> None:
    rows = clean(make_rows([new.record(1, text="The cafÃ© is closed", label="no")]), tmp_path / "out")
    assert kept(rows) == ["The café is closed | no"]
    assert [finding.rule for finding in rows.findings] == ["repaired"]


def test_empty_rows_are_dropped_with_a_reason(make_rows, new, tmp_path: Path, drops) -> None:
    source = make_rows(
        [new.record(1, a=" ", b="\u200b"), new.section(2, "* * *"), new.record(3, a="no", b="")]
    )
    rows = clean(source, tmp_path / "out")
    assert kept(rows) == ["no | "]
    assert rows.dropped == {"empty": 2}
    assert drops(rows.drops_uri) == [("empty", ""), ("empty", "")]


def test_a_label_of_one_sign_is_no_empty_row(make_rows, new, tmp_path: Path) -> None:
    source = make_rows([new.dialogue(1, ("user", "Did you like it?"), ("assistant", "👍"))])
    assert clean(source, tmp_path / "out").count == 1


def test_rests_of_layout_are_too_short(make_rows, new, tmp_path: Path, drops) -> None:
    rows = clean(make_rows([new.page(1, "fig 3"), new.page(2, LONG)]), tmp_path / "out")
    assert rows.dropped == {"too short": 1}


def test_exact_duplicates_go_whatever_their_id_case_and_blanks(make_rows, new, tmp_path: Path, drops) -> None:
    records = [new.record(n, id=str(n), text=f"text number {n}", label="a") for n in range(1, 6)]
    records.append(new.record(6, id="6", text="Text  number 1", label="a"))
    rows = clean(make_rows(records), tmp_path / "out")
    assert rows.count == 5
    assert drops(rows.drops_uri) == [("duplicate", "6 | Text number 1 | a (as /data/a.csv, row 1)")]


def test_a_text_with_two_labels_is_no_duplicate(make_rows, new, tmp_path: Path) -> None:
    records = [new.record(1, text=LONG, label="praise"), new.record(2, text=LONG, label="complaint")]
    assert clean(make_rows(records), tmp_path / "out").count == 2


def test_near_duplicates_go_and_name_the_row_that_stays(make_rows, new, tmp_path: Path, drops) -> None:
    records = [
        new.record(1, question=LONG, answer="Yes."),
        new.record(2, question=f"{LONG} now", answer="Yes."),
    ]
    rows = clean(make_rows(records), tmp_path / "out")
    assert (rows.count, rows.dropped) == (1, {"near duplicate": 1})
    assert drops(rows.drops_uri)[0][1].endswith("(as /data/a.csv, row 1)")


def test_the_threshold_of_near_duplicates_is_kept(make_rows, new, tmp_path: Path) -> None:
    records = [new.record(1, text=LONG), new.record(2, text=f"{LONG} now")]
    assert clean(make_rows(records), tmp_path / "out", near_duplicates=1.0).count == 2


def test_a_short_answer_under_another_question_stays(make_rows, new, tmp_path: Path) -> None:
    source = make_rows(
        [
            new.section(1, "Yes, it is.", "Is parking free?"),
            new.section(5, "Yes, it is.", "Is the café open?"),
        ]
    )
    assert clean(source, tmp_path / "out").count == 2


def test_a_page_that_comes_twice_is_a_duplicate_page(make_rows, new, tmp_path: Path) -> None:
    rows = clean(make_rows([new.page(1, LONG), new.page(2, LONG)]), tmp_path / "out")
    assert rows.dropped == {"duplicate page": 1}


def test_removed_lines_are_counted_and_written_down(make_rows, new, tmp_path: Path, drops) -> None:
    pages = [
        new.page(n, f"Harbour Handbook\n{LONG} {word}\n{n}")
        for n, word in enumerate(["early", "late", "never"], 1)
    ]
    rows = clean(make_rows(pages), tmp_path / "out", near_duplicates=1.0)
    assert rows.dropped == {"page number": 3, "repeated header or footer": 3}
    assert ("repeated header or footer", "Harbour Handbook") in drops(rows.drops_uri)
    assert all("Handbook" not in text for text in kept(rows))


def test_private_data_reaches_neither_rows_nor_drops(make_rows, new, tmp_path: Path) -> None:
    earlier = [Drop(source=Source(uri="/data/a.csv", row=9), reason="broken", excerpt="jo@example.com;x")]
    records = [new.record(n, text=f"Write to jo@example.com. {LONG}") for n in (1, 2)]
    rows = clean(make_rows(records, drops=earlier), tmp_path / "out")
    written = Path(rows.uri).read_text("utf-8") + Path(rows.drops_uri).read_text("utf-8")
    assert "jo@example.com" not in written
    assert "<EMAIL_1>" in written
    assert rows.dropped == {"broken": 1, "duplicate": 1}
    assert [finding.rule for finding in rows.findings] == ["redacted"]


def test_redaction_can_be_switched_off(make_rows, new, tmp_path: Path) -> None:
    rows = clean(make_rows([new.record(1, text="jo@example.com")]), tmp_path / "out", redact=False)
    assert kept(rows) == ["jo@example.com"]
    assert rows.findings == ()


def test_the_order_of_files_changes_nothing(make_rows, new, tmp_path: Path) -> None:
    one = [new.record(n, uri="/x/one.csv", text=f"{LONG} {n}") for n in range(4)]
    two = [new.record(n, uri="/x/two.csv", text=f"{LONG} {n} more") for n in range(4)]
    first = clean(make_rows([*one, *two], "a"), tmp_path / "out-a")
    second = clean(make_rows([*two, *one], "b"), tmp_path / "out-b")
    assert Path(first.uri).read_bytes() == Path(second.uri).read_bytes()


def test_nothing_is_left_behind_when_reading_fails(make_rows, new, tmp_path: Path) -> None:
    source = make_rows([new.record(1, text="fine")])
    with Path(source.uri).open("a") as file:
        file.write("not JSON\n")
    with pytest.raises(ValueError, match="JSON"):
        clean(source, tmp_path / "out")
    assert not [name for name in tmp_path.glob("out/*") if name.name.endswith(".jsonl")]


def test_every_row_is_kept_or_named(make_rows, new, tmp_path: Path) -> None:
    records = [new.record(n, text=f"{LONG} {n % 7}", label="ab"[n % 2]) for n in range(60)]
    rows = clean(make_rows(records), tmp_path / "out")
    lines = [json.loads(line) for line in Path(rows.drops_uri).read_text("utf-8").splitlines()]
    named = {line["source"]["row"] for line in lines} | {
        row.source.row or 0 for row in rowfile.read_rows(rows.uri)
    }
    assert named - {0} == set(range(1, 60))
    assert rows.count + sum(rows.dropped.values()) == 60


def test_rows_that_hold_what_must_not_be_there_are_dropped(make_rows, new, tmp_path: Path, drops) -> None:
    source = make_rows(
        [new.record(1, text="card 4111 1111 1111 1111"), new.record(2, text="jo@x.org is fine")]
    )
    rows = clean(source, tmp_path / "out", redaction=Redaction(drop=("card",)))
    assert kept(rows) == ["<EMAIL_1> is fine"]
    assert drops(rows.drops_uri) == [("holds a payment card number", "card <CARD_1>")]
    assert "left out" in next(finding.message for finding in rows.findings if "card" in finding.message)


def test_the_job_stops_at_what_it_was_told_to_stop_at(make_rows, new, tmp_path: Path) -> None:
    source = make_rows([new.record(1, text="nothing"), new.record(2, text="card 4111 1111 1111 1111")])
    with pytest.raises(InvalidData, match=r"1 payment card number \(41…1\).*a.csv, row 2"):
        clean(source, tmp_path / "out", redaction=Redaction(stop=("card",)))
    assert not (tmp_path / "out" / "rows.jsonl").exists()


def test_of_equal_rows_the_one_that_is_held_out_stays(make_rows, new, tmp_path: Path) -> None:
    twice = [new.record(1, uri=uri, text=LONG, label="x") for uri in ("/data/a.csv", "/data/z.csv")]
    alike = new.record(2, uri="/data/a.csv", text=f"{LONG} please", label="x")
    rows = make_rows([*twice, alike])
    held = rows.but(files=tuple(file.but(held=file.uri == "/data/z.csv") for file in rows.files))
    cleaned = clean(held, tmp_path / "out")
    assert [row.source.uri for row in rowfile.read_rows(cleaned.uri)] == ["/data/z.csv"]
    assert cleaned.dropped == {"duplicate": 1, "near duplicate": 1}


def test_the_markup_of_an_editor_becomes_text_and_that_is_told(make_rows, new, tmp_path: Path) -> None:
    body = '<div class="x"><p>Go&nbsp;<b>now</b>:</p><ul><li>one</li><li>two &amp; three</li></ul></div>'
    rows = clean(make_rows([new.record(1, title="Ferries &amp; boats", body=body)]), tmp_path / "out")
    assert kept(rows) == ["Ferries & boats | Go now:\n\n- one\n- two & three"]
    assert [(finding.rule, finding.count) for finding in rows.findings] == [("markup", 1)]


def test_a_cell_of_pictures_alone_is_empty(make_rows, new, tmp_path: Path) -> None:
    rows = clean(make_rows([new.record(1, body="<p><img src='a.png'></p>")]), tmp_path / "out")
    assert rows.dropped == {"empty": 1}
