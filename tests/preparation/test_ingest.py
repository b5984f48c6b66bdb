import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from errors import NotFound
from preparation.ingest import batches, found, ingest, joined, read_files
from preparation.rowfile import read_drops, read_rows
from records import Rows, Source
from tests.preparation.samples import eml, samples, zipped

FILES = {
    "chat.jsonl": b'{"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]}\n{',
    "pairs.json": b'[{"question": "Why?", "answer": "So."}]',
    "deep/table.csv": "text;label\nGröße;size\nFarbe;colour\n".encode("cp1252"),
    "deep/note.txt": b"A note.",
    "deep/guide.md": b"# Guide\n\nRead it.\n",
    "empty.txt": b"",
    "letter.docx": b"PK\x03\x04word",
    "broken.json": b"{",
    "scan.pdf": b"%PDF-1.4 and nothing else",
    "noise.bin": random.Random(0).randbytes(3000),
}


def place(folder: Path) -> Path:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def without_folders(rows: Rows, folder: Path) -> list[str]:
    return [row.model_dump_json().replace(str(folder), "") for row in read_rows(rows.uri)]


def test_every_file_is_used_or_named_with_a_reason(tmp_path: Path) -> None:
    rows = ingest([str(place(tmp_path / "in"))], tmp_path / "out")
    assert {file.name: file.rows for file in rows.files if file.used} == {
        "chat.jsonl": 1,
        "deep/guide.md": 1,
        "deep/note.txt": 1,
        "deep/table.csv": 2,
        "pairs.json": 1,
    }
    assert {file.name: file.reason for file in rows.files if not file.used} == {
        "broken.json": "It is not valid JSON: Expecting property name enclosed in double quotes, line 1; "
        "correct it there.",
        "empty.txt": "The file is empty.",
        "letter.docx": "The Word document is damaged; open it in its program and save it anew.",
        "noise.bin": "The file is neither text nor of a kind that is known; "
        "save it as PDF, text, CSV or JSONL.",
        "scan.pdf": "The PDF is damaged; open it in a PDF viewer and save it anew.",
    }
    assert rows.count == len(list(read_rows(rows.uri))) == 6
    assert rows.dropped == {"a line that is not valid JSON": 1}
    assert [drop.source.line for drop in read_drops(rows.drops_uri)] == [2]


def test_the_report_tells_size_digest_and_place(tmp_path: Path) -> None:
    folder = place(tmp_path / "in")
    rows = ingest([str(folder)], tmp_path / "out")
    note = next(file for file in rows.files if file.name == "deep/note.txt")
    assert (note.uri, note.bytes) == (str(folder / "deep/note.txt"), 7)
    assert note.sha256 == hashlib.sha256(b"A note.").hexdigest()
    assert all(len(file.sha256) == 64 for file in rows.files)


def test_rows_depend_on_names_and_bytes_alone(tmp_path: Path) -> None:
    here, there = place(tmp_path / "in"), place(tmp_path / "somewhere" / "else")
    whole = ingest([str(here)], tmp_path / "one")
    assert without_folders(whole, here) == without_folders(ingest([str(there)], tmp_path / "two"), there)
    mixed = ingest([str(here / "deep/note.txt"), f"{here}/**/*.md", str(here)], tmp_path / "three")
    turned = ingest([str(here), f"{here}/**/*.md", str(here / "deep/note.txt")], tmp_path / "four")
    assert without_folders(whole, here) == without_folders(mixed, here) == without_folders(turned, here)
    assert [file.name for file in whole.files] == sorted(FILES)


def test_identical_files_of_two_sources_are_both_read(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text("Same.")
    rows = ingest([str(tmp_path / "x"), str(tmp_path / "y")], tmp_path / "out")
    assert [file.uri for file in rows.files] == [str(tmp_path / "x/a.txt"), str(tmp_path / "y/a.txt")]
    assert rows.count == 2


def test_a_file_that_turns_out_useless_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"a": "1"}\n' + "broken\n" * 5)
    (tmp_path / "good.jsonl").write_text('{"a": "2"}\nbroken\n{"a": "3"}\n')
    rows = ingest([str(tmp_path / "bad.jsonl"), str(tmp_path / "good.jsonl")], tmp_path / "out")
    assert [row.fields["a"] for row in read_rows(rows.uri)] == ["2", "3"]
    assert [drop.source.uri for drop in read_drops(rows.drops_uri)] == [str(tmp_path / "good.jsonl")]
    assert rows.dropped == {"a line that is not valid JSON": 1}
    assert rows.files[0].reason.startswith("5 of its 6 lines are not valid JSON")


def test_a_file_of_nothing_but_drops_is_not_used_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "tools.jsonl").write_text('{"messages": [{"role": "user", "tool_calls": [1]}]}\n' * 3)
    (file,) = ingest([str(tmp_path / "tools.jsonl")], tmp_path / "out").files
    assert (file.used, file.reason) == (
        False,
        "Nothing in it could be used: a dialogue that calls tools (3 times).",
    )


def test_a_second_run_into_a_folder_among_the_sources_reads_the_same(tmp_path: Path) -> None:
    folder = place(tmp_path / "in")
    first = ingest([str(folder)], folder / "out")
    assert ingest([str(folder)], folder / "out") == first


def test_a_missing_source_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        ingest([str(place(tmp_path / "in")), str(tmp_path / "nowhere")], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rows_can_come_from_and_go_to_a_store() -> None:
    fsspec.filesystem("memory").pipe({f"/ingest/in/{name}": content for name, content in FILES.items()})
    rows = ingest(["memory://ingest/in"], "memory://ingest/out")
    assert (rows.uri, rows.count) == ("memory://ingest/out/rows.jsonl", 6)
    assert {row.source.uri for row in read_rows(rows.uri)} >= {"memory:///ingest/in/deep/note.txt"}


def test_files_of_one_name_come_by_their_content(tmp_path: Path) -> None:
    for folder, content in (("x", "later"), ("y", "earlier"), ("z", "later")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.txt").write_text(content)
    sources = [str(tmp_path / folder) for folder in "zyx"]
    rows = ingest(sources, tmp_path / "out")
    assert rows == ingest(sources[::-1], tmp_path / "out")
    assert [file.sha256 for file in rows.files] == sorted(file.sha256 for file in rows.files)


def test_members_and_attachments_are_files_of_their_own(tmp_path: Path) -> None:
    inner = zipped({"deep/note.txt": "In the inner archive.", "bad.json": "{"})
    (tmp_path / "all.zip").write_bytes(zipped({"mail.eml": eml(inner, "files.zip"), "a.txt": "A."}))
    rows = ingest([str(tmp_path / "all.zip")], tmp_path / "out")
    assert [(file.name, file.rows, file.used) for file in rows.files] == [
        ("all.zip", 0, True),
        ("all.zip!/mail.eml", 1, True),
        ("all.zip!/mail.eml!/files.zip", 0, True),
        ("all.zip!/mail.eml!/files.zip!/deep/note.txt", 1, True),
        ("all.zip!/mail.eml!/files.zip!/bad.json", 0, False),
        ("all.zip!/a.txt", 1, True),
    ]
    uris = [row.source.uri.removeprefix(str(tmp_path)) for row in read_rows(rows.uri)]
    assert uris == [f"/{file.name}" for file in rows.files if file.rows]


def test_a_damaged_file_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    for number, (name, content) in enumerate(sorted(samples().items())):
        (tmp_path / f"{number}-whole-{name}").write_bytes(content)
        (tmp_path / f"{number}-cut-{name}").write_bytes(content[: len(content) * 2 // 3])
    rows = ingest([str(tmp_path)], tmp_path / "out")
    whole = {file.name.partition("-whole-")[2]: file for file in rows.files if "-whole-" in file.name}
    assert len(whole) > len(samples())
    assert [file.name for file in whole.values() if not file.used] == []
    assert sum("-cut-" in file.name for file in rows.files) >= len(samples())


def test_the_order_does_not_depend_on_the_processes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, content in samples().items():
        (tmp_path / "in" / name).write_bytes(content)
    one = ingest([str(tmp_path / "in")], tmp_path / "one", workers=1)
    many = ingest([str(tmp_path / "in")], tmp_path / "many", workers=4)
    assert one.files == many.files
    assert Path(one.uri).read_bytes() == Path(many.uri).read_bytes()


def test_with_a_cache_only_what_changed_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("letter.docx", "note.txt", "guide.md", "trips.xlsx"):
        (tmp_path / "in" / name).write_bytes(samples()[name])
    (tmp_path / "in" / "bad.pdf").write_bytes(b"%PDF-1.4")

    def read(out: str) -> tuple[Rows, set[Path]]:
        rows = ingest([str(tmp_path / "in")], tmp_path / out, tmp_path / "cache")
        return rows, set((tmp_path / "cache").rglob("*.json"))

    plain = ingest([str(tmp_path / "in")], tmp_path / "plain")
    first, entries = read("first")
    assert len(entries) == 5
    before = {entry: entry.stat().st_mtime_ns for entry in entries}
    second, _ = read("second")
    assert plain.files == first.files == second.files
    assert Path(plain.uri).read_bytes() == Path(first.uri).read_bytes() == Path(second.uri).read_bytes()
    assert Path(plain.drops_uri).read_bytes() == Path(second.drops_uri).read_bytes()
    (tmp_path / "in" / "note.txt").write_text("Changed.")
    third, more = read("third")
    assert len(more - entries) == 1
    assert {entry: entry.stat().st_mtime_ns for entry in entries} == before
    assert "Changed." in [row.text for row in read_rows(third.uri)]


def test_the_cache_serves_the_same_content_elsewhere(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "letter.docx").write_bytes(samples()["letter.docx"])
    for folder in ("x", "y"):
        rows = ingest([str(tmp_path / folder)], tmp_path / "out", tmp_path / "cache")
        assert {row.source.uri for row in read_rows(rows.uri)} == {str(tmp_path / folder / "letter.docx")}
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 1


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    boto3.client("s3").create_bucket(Bucket="luthier-in")
    yield "s3://luthier-in"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_rows_are_read_from_s3(bucket: str, tmp_path: Path) -> None:
    store = fsspec.filesystem("s3")
    many = "\n".join(json.dumps({"question": f"{number}?", "answer": "yes " * 50}) for number in range(5000))
    store.pipe(f"{bucket}/in/many.jsonl", many.encode())
    for name, content in FILES.items():
        store.pipe(f"{bucket}/in/{name}", content)
    rows = ingest([f"{bucket}/in"], f"{bucket}/out")
    assert rows.count == 5006
    assert next(iter(read_rows(rows.uri))).source.uri == f"{bucket}/in/chat.jsonl"
    assert len(ingest([f"{bucket}/in/**/*.md"], tmp_path).files) == 1
    with pytest.raises(NotFound, match="s3://luthier-in/nowhere"):
        ingest([f"{bucket}/nowhere"], tmp_path)
    with pytest.raises(NotFound, match="s3://luthier-other"):
        ingest(["s3://luthier-other/in"], tmp_path)


def test_batches_read_one_by_one_and_joined_are_what_all_give_in_one_go(tmp_path: Path) -> None:
    folder = place(tmp_path / "in")
    for name in ("a", "z"):
        (folder / name).mkdir()
        (folder / name / "note.txt").write_text(f"Note {name}.")
    sources = [str(folder / "a"), str(folder / "z"), str(folder)]
    whole = ingest(sources, tmp_path / "whole")
    lots = list(batches(found(sources, tmp_path / "joined"), 3))
    assert [len(lot) for lot in lots] == [3, 3, 3, 3] and sum(map(len, lots)) == len(whole.files)
    parts = [read_files(lot, tmp_path / f"part-{at}") for at, lot in enumerate(lots)]
    made = joined(parts, tmp_path / "joined")
    assert Path(made.uri).read_bytes() == Path(whole.uri).read_bytes()
    assert Path(made.drops_uri).read_bytes() == Path(whole.drops_uri).read_bytes()
    assert (made.count, made.files, made.dropped) == (whole.count, whole.files, whole.dropped)


def test_a_name_that_is_no_utf8_costs_a_reason_and_in_an_archive_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / os.fsdecode(b"f\xe9rry.md")).write_text("# Old\n\nIt has a name from an old machine.\n")
    with tarfile.open(folder / "old.tar", "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo("gu\xefde.md")
        content = b"# Old\n\nIts name is from an old machine, too.\n"
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    rows = ingest([str(folder)], tmp_path / "out")
    assert {file.name: (file.used, "rename it" in file.reason) for file in rows.files} == {
        "f?rry.md": (False, True),
        "old.tar": (True, False),
        "old.tar!/gu?de.md": (True, False),
    }


def test_names_that_would_steer_a_terminal_are_told_on_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a\n\x1b[31mred.txt").write_text("Some words of a file with an odd name.\n")
    (file,) = ingest([str(folder)], tmp_path / "out").files
    assert file.name == "a\\n\\x1b[31mred.txt"
    assert "\n" in file.uri
    assert str(Source(uri=file.uri, line=1)).endswith("a\\n\\x1b[31mred.txt, line 1")


SCARCE = """
import resource, sys
from errors import NotConfigured
from preparation.ingest import ingest
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    ingest([sys.argv[1]], sys.argv[2], sys.argv[3], workers=1)
except NotConfigured as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["large.csv", "packed.zip"])
def test_a_full_disk_stops_the_reading_and_is_no_fault_of_the_file(tmp_path: Path, name: str) -> None:
    rows = "text,queue\n" + "Where is my parcel?,delivery\n" * 20_000
    content = rows.encode() if name == "large.csv" else zipped({"large.csv": rows.encode()})
    (tmp_path / name).write_bytes(content)
    command = [
        sys.executable,
        "-c",
        SCARCE,
        str(tmp_path / name),
        str(tmp_path / "out"),
        str(tmp_path / "cache"),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.startswith("No space is left on the disk while ")
    assert "Make room" in told
    assert not list((tmp_path / "cache").rglob("*.json"))
