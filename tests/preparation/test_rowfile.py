from pathlib import Path

import pytest

from preparation.rowfile import place, read_drops, read_rows, writing
from records import Drop, Message, Row, Source

ROWS = [
    Row(source=Source(uri="/a.txt", line=3), text="Größe\u2028 and\nmore", heading=("A", "B")),
    Row(source=Source(uri="/b.csv", row=1), fields={"text": "x", "label": ""}),
    Row(
        source=Source(uri="s3://bucket/c.jsonl", line=1),
        messages=(Message(role="user", content="Hi"), Message(role="assistant", content="Yes", weight=0)),
    ),
]


@pytest.mark.parametrize("folder", ["local", "memory://rowfile/deep"])
def test_rows_come_back_as_they_were_written(tmp_path: Path, folder: str) -> None:
    uri = place(tmp_path if folder == "local" else folder, "rows.jsonl")
    with writing(uri) as file:
        for row in ROWS:
            file.write(row)
    assert file.count == 3
    assert list(read_rows(uri)) == ROWS


def test_a_place_is_absolute_or_below_its_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert place("out", "rows.jsonl") == str(tmp_path / "out" / "rows.jsonl")
    assert place(tmp_path, "rows.jsonl") == str(tmp_path / "rows.jsonl")
    assert place("s3://bucket/out/", "rows.jsonl") == "s3://bucket/out/rows.jsonl"


def test_drops_are_counted_by_reason_and_earlier_ones_taken_over(tmp_path: Path) -> None:
    first, second = str(tmp_path / "first.jsonl"), str(tmp_path / "second.jsonl")
    with writing(first) as file:
        file.write(Drop(source=Source(uri="/a"), reason="empty", excerpt="…"))
    with writing(second) as file:
        file.append(first)
        file.write(Drop(source=Source(uri="/b"), reason="short"))
        file.write(Drop(source=Source(uri="/c"), reason="short"))
    assert [drop.reason for drop in read_drops(second)] == ["empty", "short", "short"]
    assert file.reasons == {"short": 2}


def test_lines_are_taken_over_as_they_are_and_counted(tmp_path: Path) -> None:
    uri = str(tmp_path / "drops.jsonl")
    drop = Drop(source=Source(uri="/b"), reason="other")
    with writing(uri) as file:
        file.write(Drop(source=Source(uri="/a"), reason="empty"))
        file.extend([drop.model_dump_json(exclude_defaults=True).encode() + b"\n"] * 2, {"other": 2})
    assert [drop.source.uri for drop in read_drops(uri)] == ["/a", "/b", "/b"]
    assert (file.count, file.reasons) == (3, {"empty": 1, "other": 2})


@pytest.mark.parametrize("folder", ["local", "memory://rowfile/failing"])
def test_a_failed_write_leaves_what_was_there(tmp_path: Path, folder: str) -> None:
    uri = place(tmp_path if folder == "local" else folder, "rows.jsonl")
    with writing(uri) as file:
        file.write(ROWS[0])
    with pytest.raises(ZeroDivisionError), writing(uri) as file:
        file.write(ROWS[1])
        raise ZeroDivisionError
    assert list(read_rows(uri)) == ROWS[:1]
    assert [path.name for path in tmp_path.iterdir()] in ([], ["rows.jsonl"])
