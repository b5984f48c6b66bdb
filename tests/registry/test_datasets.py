import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from errors import NotConfigured, NotFound
from records import FileReport, Finding
from registry import tables

ROOT = Path(__file__).parents[2]
KILLED_BEFORE_RENAME = """
import os, sys
from pathlib import Path
from records import Dataset
from registry import Registry

def die(event, arguments):
    # the audit event of a rename onto the dataset's folder
    if event == "os.rename" and str(arguments[1]).endswith(dataset.id):
        os.kill(os.getpid(), 9)

dataset = Dataset.model_validate_json(sys.argv[2])
sys.addaudithook(die)
Registry(sys.argv[3], Path(sys.argv[1]), "").keep_dataset(dataset)
"""


def test_a_kept_dataset_has_its_own_copies_of_the_four_files(registry, make_dataset):
    made = make_dataset()
    kept = registry.keep_dataset(made)
    folder = registry.home / "datasets" / made.id
    assert sorted(path.name for path in folder.iterdir()) == [
        "drops.jsonl", "holdout.jsonl", "lineage.jsonl", "train.jsonl",
    ]  # fmt: skip
    assert kept.train_uri == str(folder / "train.jsonl")
    assert Path(kept.train_uri).read_bytes() == Path(made.train_uri).read_bytes()
    assert registry.dataset(made.id) == kept
    assert kept == made.but(
        train_uri=kept.train_uri,
        holdout_uri=kept.holdout_uri,
        lineage_uri=kept.lineage_uri,
        drops_uri=kept.drops_uri,
    )


def test_the_kept_dataset_outlives_the_files_it_was_made_from(registry, make_dataset):
    made = make_dataset()
    kept = registry.keep_dataset(made)
    shutil.rmtree(Path(made.train_uri).parent)
    assert len(list(registry.examples(kept))) == 3


def test_keeping_the_same_content_again_adopts_it_and_adds_its_files(registry, make_dataset):
    first, second = make_dataset("first"), make_dataset("second")
    assert first.id == second.id
    registry.keep_dataset(first)
    kept = registry.keep_dataset(second)
    assert len(registry.datasets()) == 1
    assert kept.created_at == first.created_at
    for made in (first, second):
        Path(made.report.files[0].uri).unlink()
        assert [one.id for one in registry.datasets_with_source(made.report.files[0].uri)] == [first.id]


def test_keeping_a_kept_dataset_takes_its_new_report(registry, make_dataset):
    kept = registry.keep_dataset(make_dataset())
    finding = Finding(rule="label_balance", severity="warning", message="One label has most rows.")
    registry.keep_dataset(kept.but(report=kept.report.but(findings=(finding,), ok=False)))
    stored = registry.dataset(kept.id)
    assert stored.report.findings == (finding,)
    assert [one.id for one in registry.datasets_with_source("tickets.csv")] == [kept.id]


def test_a_kill_while_keeping_leaves_no_dataset_and_the_next_try_succeeds(registry, make_dataset):
    made = make_dataset()
    arguments = [
        sys.executable,
        "-c",
        KILLED_BEFORE_RENAME,
        str(registry.home),
        made.model_dump_json(),
        registry.url,
    ]
    assert subprocess.run(arguments, cwd=ROOT).returncode == -9
    assert not (registry.home / "datasets" / made.id).exists()
    assert registry.datasets() == []
    assert len(list(registry.examples(registry.keep_dataset(made)))) == 3


def test_a_folder_that_a_killed_process_finished_is_adopted(registry, make_dataset):
    made = make_dataset()
    kept = registry.keep_dataset(made)
    with registry.writing() as connection:
        connection.execute(tables.dataset_files.delete())
        connection.execute(tables.datasets.delete())
    assert registry.keep_dataset(made) == kept


def test_a_dataset_whose_file_is_missing_is_not_kept(registry, make_dataset):
    made = make_dataset()
    Path(made.drops_uri).unlink()
    with pytest.raises(NotFound, match=r"d\.jsonl"):
        registry.keep_dataset(made)
    assert registry.datasets() == []
    assert list((registry.home / "datasets").iterdir()) == []


def test_datasets_are_listed_newest_first(registry, make_dataset):
    kept = [registry.keep_dataset(make_dataset(name, {f"{name}.txt": [name, "b"]})) for name in ("x", "y")]
    assert registry.datasets() == kept[::-1]


def test_an_unknown_dataset_is_not_found_with_a_hint(registry):
    with pytest.raises(NotFound) as caught:
        registry.dataset("dataset-unknown")
    assert "luthier datasets" in caught.value.hint


def test_a_dataset_is_found_by_the_digits_of_its_id(registry, make_dataset):
    kept = registry.keep_dataset(make_dataset())
    assert registry.dataset(kept.id.removeprefix("dataset-")[:6]) == kept


@pytest.mark.parametrize("form", ["path", "uri", "name", "relative"])
def test_a_dataset_is_found_by_its_source(form, registry, make_dataset, monkeypatch):
    kept = registry.keep_dataset(make_dataset())
    path = Path(kept.report.files[0].uri)
    monkeypatch.chdir(path.parent)
    given = {"path": path, "uri": path.as_uri(), "name": "tickets.csv", "relative": f"./{path.name}"}[form]
    if form == "name":
        path.unlink()
    assert registry.datasets_with_source(given) == [kept]


def test_a_copy_under_another_name_is_known_by_its_content(registry, make_dataset, tmp_path):
    kept = registry.keep_dataset(make_dataset())
    copy = shutil.copy(kept.report.files[0].uri, tmp_path / "renamed.bin")
    assert registry.datasets_with_source(copy) == [kept]


def test_another_file_of_the_same_name_is_not_taken_for_the_source(registry, make_dataset, tmp_path):
    registry.keep_dataset(make_dataset())
    other = tmp_path / "tickets.csv"
    other.write_text("something else")
    assert registry.datasets_with_source(other) == []


def test_a_file_below_a_folder_is_found_by_its_last_name(registry, make_dataset):
    made = make_dataset()
    uri = "s3://bucket/help/centre/money.md"
    line = {"split": "train", "line": 1, "kind": "chat", "sources": [{"uri": uri}]}
    Path(made.lineage_uri).write_text(json.dumps(line) + "\n")
    report = made.report.but(files=(FileReport(uri=uri, name="centre/money.md", sha256="0" * 64),))
    kept = registry.keep_dataset(made.but(report=report))
    for given in (uri, "money.md", "centre/money.md"):
        assert registry.datasets_with_source(given) == [kept]
    for given in ("oney.md", "%", "s3://bucket/help", "centre"):
        assert registry.datasets_with_source(given) == []


def test_a_file_that_gave_no_example_is_no_source(registry, make_dataset):
    made = make_dataset()
    unused = FileReport(uri="/data/scan.pdf", name="scan.pdf", used=False, reason="no text")
    registry.keep_dataset(made.but(report=made.report.but(files=(*made.report.files, unused))))
    assert registry.datasets_with_source("/data/scan.pdf") == []


def test_lineage_lists_every_example_with_split_line_and_sources(registry, make_dataset):
    kept = registry.keep_dataset(make_dataset())
    traced = list(registry.lineage(kept.id))
    assert [(one.split, one.line, one.sources[0].row) for one in traced] == [
        ("train", 1, 1), ("train", 2, 2), ("holdout", 1, 3),
    ]  # fmt: skip
    assert {one.label for one in traced} == {"other"}
    assert traced[0].messages == ()


def test_lineage_joins_the_messages_on_request(registry, make_dataset):
    kept = registry.keep_dataset(make_dataset())
    traced = list(registry.lineage(kept.id, with_messages=True))
    assert [one.messages[0].content for one in traced] == [
        "my card is lost", "the app crashes", "where is my money",
    ]  # fmt: skip


def test_lineage_of_one_source_leaves_the_others_out(registry, make_dataset):
    sources = {"a.csv": ["one", "two"], "b.csv": ["three", "four"]}
    kept = registry.keep_dataset(make_dataset(sources=sources))
    traced = list(registry.lineage(kept.id, "b.csv", with_messages=True))
    assert [one.messages[0].content for one in traced] == ["three", "four"]


def test_lineage_finds_examples_by_a_copy_of_their_source(registry, make_dataset, tmp_path):
    kept = registry.keep_dataset(make_dataset())
    copy = shutil.copy(kept.report.files[0].uri, tmp_path / "copy.csv")
    assert len(list(registry.lineage(kept.id, copy))) == 3


def test_lineage_of_the_second_run_finds_the_examples_of_the_first(registry, make_dataset):
    registry.keep_dataset(make_dataset("first"))
    second = make_dataset("second")
    registry.keep_dataset(second)
    assert len(list(registry.lineage(second.id, second.report.files[0].uri))) == 3


def test_lineage_of_a_file_that_is_not_in_the_dataset_is_not_found(registry, make_dataset):
    kept = registry.keep_dataset(make_dataset())
    with pytest.raises(NotFound, match=r"other\.csv"):
        registry.lineage(kept.id, "other.csv")


def test_examples_carry_messages_sources_and_kind(registry, make_dataset):
    kept = registry.keep_dataset(make_dataset())
    examples = list(registry.examples(kept))
    assert [one.sources[0].row for one in examples] == [1, 2, 3]
    assert examples[0].kind == "classify"
    assert [message.role for message in examples[0].messages] == ["user", "assistant"]


def test_an_export_writes_both_files(registry, make_dataset, tmp_path):
    kept = registry.keep_dataset(make_dataset())
    paths = registry.export_dataset(kept.id, tmp_path / "out")
    assert [path.name for path in paths] == ["train.jsonl", "holdout.jsonl"]
    assert [len(path.read_text().splitlines()) for path in paths] == [2, 1]


def test_with_a_store_that_machines_share_another_one_works_with_the_dataset(
    registry, make_dataset, bucket, tmp_path
):
    here = type(registry)(registry.url, registry.home, bucket)
    kept = here.keep_dataset(make_dataset())
    assert kept.train_uri == f"{bucket}/datasets/{kept.id}/train.jsonl"
    assert here.keep_dataset(kept).train_uri == kept.train_uri

    elsewhere = type(registry)(registry.url, tmp_path / "other machine", bucket)
    there = elsewhere.dataset(kept.id)
    assert [example.sources[0].row for example in elsewhere.examples(there)] == [1, 2, 3]
    assert list(elsewhere.drops(there)) == []
    assert not (registry.home / "datasets").exists()


def test_a_bucket_that_is_not_there_keeps_nothing(registry, make_dataset, bucket):
    astray = type(registry)(registry.url, registry.home, f"{bucket}-gone")
    with pytest.raises(NotConfigured, match="bucket"):
        astray.keep_dataset(make_dataset())
    assert astray.datasets() == []
