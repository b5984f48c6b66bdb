import io
import zipfile
from pathlib import Path

import pytest

from preparation import parsing
from preparation.parsing import Parsed, Task, known, parse, placed
from preparation.rowfile import read_drops, read_rows
from tests.preparation.samples import zipped


def task(folder: Path, name: str, content: bytes, **more: object) -> Task:
    (folder / name).write_bytes(content)
    (folder / "spool").mkdir(exist_ok=True)
    return Task(str(folder / name), name, str(folder / "spool"), 0, **more)  # type: ignore[arg-type]


def test_rows_are_written_for_the_name_and_placed_at_the_uri(tmp_path: Path) -> None:
    parsed = parse(task(tmp_path, 'a "b".txt', b"Words."))
    assert (parsed.count, parsed.reason, parsed.bytes) == (1, "", 6)
    (tmp_path / "placed").write_bytes(b"".join(placed(parsed.rows, 'a "b".txt', 's3://x/a "b".txt')))
    (row,) = read_rows(tmp_path / "placed")
    assert (row.source.uri, row.text) == ('s3://x/a "b".txt', "Words.")


def test_what_was_read_is_taken_from_the_cache_by_content(tmp_path: Path) -> None:
    one = task(tmp_path, "a.jsonl", b'{"q": "When?"}\n{\n{"q": "Where?"}\n', cache=str(tmp_path / "cache"))
    first = parse(one)
    assert first.kept
    assert known(one._replace(sha256=first.sha256)) == first
    assert parse(one._replace(path=str(tmp_path / "a.jsonl"))) == first
    assert [drop.source.line for drop in read_drops(first.drops)] == [2]
    changed = parse(task(tmp_path, "a.jsonl", b'{"q": "Who?"}\n', cache=str(tmp_path / "cache")))
    assert (changed.count, changed.rows != first.rows) == (1, True)


def test_a_cache_entry_that_is_broken_is_read_anew(tmp_path: Path) -> None:
    one = task(tmp_path, "a.txt", b"Words.", cache=str(tmp_path / "cache"))
    first = parse(one)
    (summary,) = (tmp_path / "cache").rglob("*.json")
    summary.write_text("{")
    assert parse(one) == first


def test_a_file_of_no_use_is_remembered_too(tmp_path: Path) -> None:
    one = task(tmp_path, "a.json", b"{", cache=str(tmp_path / "cache"))
    first = parse(one)
    assert first.reason.startswith("It is not valid JSON")
    assert known(one._replace(sha256=first.sha256)) == first


def test_members_come_beside_the_rows_with_their_share_of_what_may_unfold(tmp_path: Path) -> None:
    parsed = parse(task(tmp_path, "x.zip", zipped({"a.txt": "A", "deep/b.txt": "BBB"})))
    assert [(inner.name, Path(inner.path).read_bytes()) for inner in parsed.inner] == [
        ("a.txt", b"A"),
        ("deep/b.txt", b"BBB"),
    ]
    assert parsed.inner[1].allowance > parsed.inner[0].allowance > 1 << 20


def bomb(size: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("first.txt", "Words.")
        with archive.open("zeros.txt", "w") as file:
            for _ in range(size >> 20):
                file.write(bytes(1 << 20))
        archive.writestr("last.txt", "Words.")
    return stream.getvalue()


def test_a_bomb_is_unpacked_to_its_limit_and_no_further(tmp_path: Path) -> None:
    parsed = parse(task(tmp_path, "x.zip", bomb(300 << 20)))
    assert [(inner.name, inner.fault) for inner in parsed.inner] == [
        ("first.txt", ""),
        ("zeros.txt", parsing.TOO_LARGE),
        ("last.txt", parsing.TOO_LARGE),
    ]
    assert sum(path.stat().st_size for path in (tmp_path / "spool").rglob("*")) < 1 << 20


def test_archives_in_archives_have_an_end(tmp_path: Path) -> None:
    parsed = parse(task(tmp_path, "x.zip", zipped({"a.txt": "A"}), depth=parsing.DEEPEST))
    assert parsed.inner[0].fault == parsing.TOO_DEEP


@pytest.mark.parametrize(
    "content",
    [zipped({"a.txt": "A" * 500})[:-30], b"PK\x03\x04" + bytes(80)],
    ids=["cut off", "empty"],  # content that holds the time would be another test in each process
)
def test_an_archive_that_is_damaged_says_so(tmp_path: Path, content: bytes) -> None:
    parsed = parse(task(tmp_path, "x.zip", content))
    assert parsed.reason == "The archive is damaged; open it in its program and save it anew."


def test_a_file_that_vanished_is_told(tmp_path: Path) -> None:
    assert parse(Task(str(tmp_path / "gone"), "gone", str(tmp_path), 0)) == Parsed(
        reason="It has vanished while files were read."
    )
