import hashlib
import json
import os
import stat
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import pytest

from errors import InvalidData, NotConfigured, NotFound, TrainingFailed, Unavailable
from registry import artifacts, files

ROOT = Path(__file__).parents[2]
KILLED_BEFORE_PUBLISHING = """
import os, sys
from pathlib import Path
from registry import artifacts

def die(event, arguments):
    if event == "os.rename":
        os.kill(os.getpid(), 9)

sys.addaudithook(die)
artifacts.publish(Path(sys.argv[1]), "model-1", sys.argv[2], {"version": 2})
"""


@pytest.fixture
def adapter(tmp_path):
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(os.urandom(200_000))
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (folder / "README.md").write_text("# A model\n")
    return folder


@pytest.fixture
def store(tmp_path):
    return str(tmp_path / "store")


def test_the_zip_holds_the_files_at_its_root_and_a_manifest_with_their_digests(adapter, store):
    uri, digests = artifacts.publish(adapter, "model-1", store, {"job": "job-1"})
    assert uri == f"{store}/model-1.zip"
    with ZipFile(uri) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "README.md", "adapter_config.json", "adapter_model.safetensors", "luthier.json",
        ]  # fmt: skip
        manifest = json.loads(archive.read("luthier.json"))
        found = {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if name != "luthier.json"
        }
    assert manifest == {"job": "job-1", "sha256": digests}
    assert digests == found


def test_the_same_files_give_the_same_bytes_whatever_their_times(adapter, tmp_path):
    first, _ = artifacts.publish(adapter, "model-1", str(tmp_path / "a"), {"b": 1, "a": 2})
    for path in adapter.iterdir():
        os.utime(path, (1, 1))
        path.chmod(0o600)
    second, _ = artifacts.publish(adapter, "model-1", str(tmp_path / "b"), {"a": 2, "b": 1})
    assert Path(first).read_bytes() == Path(second).read_bytes()


def test_subfolders_and_an_older_manifest_are_left_out(adapter, store):
    (adapter / "checkpoint-10").mkdir()
    (adapter / "checkpoint-10" / "state.pt").write_bytes(b"x")
    (adapter / "luthier.json").write_text('{"sha256": "old"}')
    uri, digests = artifacts.publish(adapter, "model-1", store, {})
    assert "luthier.json" not in digests
    with ZipFile(uri) as archive:
        assert len(archive.namelist()) == 4
        assert json.loads(archive.read("luthier.json")) == {"sha256": digests}


def test_an_empty_training_folder_is_not_published(tmp_path, store):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingFailed, match="no files"):
        artifacts.publish(tmp_path / "empty", "model-1", store, {})
    assert list(Path(store).iterdir()) == []


def test_a_missing_training_folder_is_not_found(tmp_path, store):
    with pytest.raises(NotFound, match="nowhere"):
        artifacts.publish(tmp_path / "nowhere", "model-1", store, {})


def test_publishing_again_replaces_the_artefact_and_leaves_nothing_beside_it(adapter, store):
    artifacts.publish(adapter, "model-1", store, {"version": 1})
    uri, _ = artifacts.publish(adapter, "model-1", store, {"version": 2})
    assert [path.name for path in Path(store).iterdir()] == ["model-1.zip"]
    with ZipFile(uri) as archive:
        assert json.loads(archive.read("luthier.json"))["version"] == 2


def test_a_kill_before_publishing_leaves_the_old_artefact_whole(adapter, store):
    uri, _ = artifacts.publish(adapter, "model-1", store, {"version": 1})
    before = Path(uri).read_bytes()
    arguments = [sys.executable, "-c", KILLED_BEFORE_PUBLISHING, str(adapter), store]
    assert subprocess.run(arguments, cwd=ROOT).returncode == -9
    assert Path(uri).read_bytes() == before
    assert [path.name for path in Path(store).glob("*.zip")] == ["model-1.zip"]
    assert len(list(Path(store).glob(".*.part"))) == 1


def test_a_kill_before_the_first_publishing_leaves_no_artefact(adapter, store):
    arguments = [sys.executable, "-c", KILLED_BEFORE_PUBLISHING, str(adapter), store]
    assert subprocess.run(arguments, cwd=ROOT).returncode == -9
    with pytest.raises(NotFound):
        artifacts.fetch(f"{store}/model-1.zip", Path(store) / "copy.zip")


def test_what_a_killed_publication_left_is_swept_a_day_later(adapter, store):
    Path(store).mkdir()
    old, fresh = (Path(store) / f".model-1.zip.{name}.part" for name in ("old", "fresh"))
    for part in (old, fresh):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    artifacts.publish(adapter, "model-1", store, {})
    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_store_in_the_way_of_a_file_is_not_configured(adapter, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotConfigured, match="file"):
        artifacts.publish(adapter, "model-1", str(tmp_path / "file"), {})


@pytest.mark.parametrize("name", ["../model", "a/b", "", "..", "a\\b", "C:model", "nul\x00"])
def test_a_name_that_leads_elsewhere_is_refused(name, adapter, store):
    with pytest.raises(ValueError, match="plain"):
        artifacts.publish(adapter, name, store, {})


def test_fetching_copies_the_bytes_and_makes_the_folder(adapter, store, tmp_path):
    uri, _ = artifacts.publish(adapter, "model-1", store, {})
    artifacts.fetch(uri, tmp_path / "new" / "model.zip")
    assert (tmp_path / "new" / "model.zip").read_bytes() == Path(uri).read_bytes()


def test_a_fetch_that_fails_leaves_no_file(store, tmp_path):
    with pytest.raises(NotFound):
        artifacts.fetch(f"{store}/nothing.zip", tmp_path / "model.zip")
    assert list(tmp_path.iterdir()) == []


def test_unpacking_gives_the_files_and_unpacks_once(adapter, store, tmp_path):
    uri, _ = artifacts.publish(adapter, "model-1", store, {})
    folder = artifacts.unpack(uri, tmp_path / "cache")
    for path in adapter.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    (folder / "marker").write_text("same folder")
    assert artifacts.unpack(uri, tmp_path / "cache") == folder
    assert (folder / "marker").exists()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


def test_an_artefact_that_was_replaced_is_unpacked_anew(adapter, store, tmp_path):
    uri, _ = artifacts.publish(adapter, "model-1", store, {})
    first = artifacts.unpack(uri, tmp_path / "cache")
    (adapter / "README.md").write_text("# Another\n")
    artifacts.publish(adapter, "model-1", store, {})
    second = artifacts.unpack(uri, tmp_path / "cache")
    assert first != second
    assert (second / "README.md").read_text() == "# Another\n"


def hostile(path: Path, *entries: tuple[str | ZipInfo, bytes]) -> str:
    with ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the duplicate name is the point
        for name, content in entries:
            archive.writestr(name, content)
    return str(path)


def manifest(**digests: str) -> tuple[str, bytes]:
    return "luthier.json", json.dumps({"sha256": digests}).encode()


@pytest.mark.parametrize(
    "name", ["../evil", "/tmp/evil", "sub/evil", "..", "C:evil", "\\\\host\\evil", "sub/", "..\\evil"]
)
def test_a_zip_that_reaches_outside_is_refused_before_a_byte_is_written(name, tmp_path):
    uri = hostile(tmp_path / "bad.zip", manifest(), ("good.txt", b"x"), (name, b"x"))
    with pytest.raises(InvalidData, match="plain file name"):
        artifacts.unpack(uri, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"bad.zip", "cache"}


def test_a_link_in_a_zip_becomes_a_plain_file(tmp_path):
    link = ZipInfo("link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    target = b"/etc/passwd"
    uri = hostile(tmp_path / "link.zip", manifest(link=hashlib.sha256(target).hexdigest()), (link, target))
    unpacked = artifacts.unpack(uri, tmp_path / "cache") / "link"
    assert not unpacked.is_symlink()
    assert unpacked.read_bytes() == target


def test_a_zip_with_a_name_twice_is_refused(tmp_path):
    uri = hostile(tmp_path / "twice.zip", manifest(), ("a.txt", b"x"), ("A.txt", b"y"))
    with pytest.raises(InvalidData, match="twice"):
        artifacts.unpack(uri, tmp_path / "cache")


def test_a_zip_bomb_is_refused(tmp_path):
    uri = hostile(tmp_path / "bomb.zip", manifest(), ("zeros", bytes(50_000_000)))
    with pytest.raises(InvalidData, match="implausible"):
        artifacts.unpack(uri, tmp_path / "cache")


def test_a_changed_file_is_named(adapter, store, tmp_path):
    digests = artifacts.publish(adapter, "model-1", store, {}).digests
    changed = hostile(
        tmp_path / "changed.zip",
        *[(name, b"other" if name == "README.md" else (adapter / name).read_bytes()) for name in digests],
        manifest(**digests),
    )
    with pytest.raises(InvalidData, match=r"README\.md is not what luthier\.json promises"):
        artifacts.unpack(changed, tmp_path / "cache")


@pytest.mark.parametrize("content", [b"{}", b"[]", b"not json"])
def test_a_zip_without_digests_is_damaged(content, tmp_path):
    uri = hostile(tmp_path / "bare.zip", ("luthier.json", content))
    with pytest.raises(InvalidData, match="lists no digests"):
        artifacts.unpack(uri, tmp_path / "cache")


@pytest.mark.parametrize("keep", [0, 10, 100_000, -30])
def test_a_truncated_zip_is_damaged(keep, adapter, store, tmp_path):
    uri, _ = artifacts.publish(adapter, "model-1", store, {})
    Path(uri).write_bytes(Path(uri).read_bytes()[:keep])
    with pytest.raises(InvalidData, match="damaged"):
        artifacts.unpack(uri, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_flipped_bytes_are_noticed(adapter, store, tmp_path):
    uri, _ = artifacts.publish(adapter, "model-1", store, {})
    content = bytearray(Path(uri).read_bytes())
    content[len(content) // 2] ^= 0xFF
    Path(uri).write_bytes(content)
    with pytest.raises(InvalidData, match="damaged"):
        artifacts.unpack(uri, tmp_path / "cache")


# An object store: a real S3 over loopback.


def test_an_artefact_goes_to_s3_and_comes_back(adapter, bucket, tmp_path):
    uri, digests = artifacts.publish(adapter, "model-1", f"{bucket}/models/", {"job": "job-1"})
    assert uri == f"{bucket}/models/model-1.zip"
    folder = artifacts.unpack(uri, tmp_path / "cache")
    assert {path.name for path in folder.iterdir()} == {*digests, "luthier.json"}
    artifacts.fetch(uri, tmp_path / "copy.zip")
    local, _ = artifacts.publish(adapter, "model-1", str(tmp_path / "store"), {"job": "job-1"})
    assert (tmp_path / "copy.zip").read_bytes() == Path(local).read_bytes()


def test_an_artefact_that_was_replaced_on_s3_is_unpacked_anew(adapter, bucket, tmp_path):
    uri, _ = artifacts.publish(adapter, "model-2", bucket, {})
    first = artifacts.unpack(uri, tmp_path / "cache")
    (adapter / "README.md").write_text("# B model\n")
    artifacts.publish(adapter, "model-2", bucket, {})
    assert artifacts.unpack(uri, tmp_path / "cache") != first


def test_an_artefact_on_s3_is_removed_and_removing_it_again_is_fine(adapter, bucket, tmp_path):
    uri, _ = artifacts.publish(adapter, "model-3", bucket, {})
    files.remove(uri)
    files.remove(uri)
    with pytest.raises(NotFound, match=r"model-3\.zip"):
        artifacts.fetch(uri, tmp_path / "copy.zip")
    assert list(tmp_path.glob("*.zip")) == []


def test_a_bucket_that_does_not_exist_is_not_configured(adapter, bucket):
    with pytest.raises(NotConfigured, match="s3://no-such-bucket/model-1"):
        artifacts.publish(adapter, "model-1", "s3://no-such-bucket", {})


def published_by_a_process(adapter: Path, store: str, before: str = "", **environment: str) -> str:
    """The last line of its traceback; an environment without any AWS setting but those given."""
    code = (
        f"import sys; {before}\nfrom pathlib import Path\nfrom registry import artifacts\n"
        f"artifacts.publish(Path({str(adapter)!r}), 'model-1', {store!r}, {{}})"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**bare, **environment},
        capture_output=True,
        text=True,
    )
    return ended.stderr.splitlines()[-1]


def test_a_store_without_keys_is_not_configured(adapter, tmp_path):
    error = published_by_a_process(
        adapter, "s3://models", AWS_EC2_METADATA_DISABLED="true", HOME=str(tmp_path)
    )
    assert error.startswith("errors.NotConfigured: There are no keys for s3://models/model-1.zip")


def test_a_store_that_cannot_be_reached_is_unavailable(adapter):
    error = published_by_a_process(
        adapter,
        "s3://models",
        AWS_ENDPOINT_URL="http://127.0.0.1:1",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="b",
        AWS_MAX_ATTEMPTS="1",
    )
    assert error.startswith("errors.Unavailable: The store of s3://models/model-1.zip can't be reached")


def test_without_the_s3_extra_the_hint_names_the_command(adapter):
    error = published_by_a_process(adapter, "s3://models", before="sys.modules['s3fs'] = None")
    assert error.startswith("errors.NotConfigured")
    assert "pip install -e '.[s3]'" in error


def test_another_missing_library_is_named(adapter):
    with pytest.raises(NotConfigured) as caught:
        artifacts.publish(adapter, "model-1", "abfs://container", {})
    assert "adlfs" in caught.value.hint


@pytest.mark.parametrize("store", ["nowhere://models", "1://x"])
def test_a_store_of_an_unknown_kind_is_not_configured(store, adapter):
    with pytest.raises(NotConfigured, match="can't keep files"):
        artifacts.publish(adapter, "model-1", store, {})


def test_a_store_that_refuses_is_not_configured(adapter, faulty_store):
    with pytest.raises(NotConfigured, match="refuses access to faulty://store/model-1"):
        artifacts.publish(adapter, "model-1", faulty_store(PermissionError("Access Denied")), {})


def test_a_store_that_stumbles_is_unavailable(adapter, faulty_store):
    with pytest.raises(Unavailable, match="slow down"):
        artifacts.publish(adapter, "model-1", faulty_store(OSError("slow down")), {})


def test_a_store_that_loses_bytes_is_noticed(adapter, faulty_store):
    with pytest.raises(Unavailable, match="other bytes"):
        artifacts.publish(adapter, "model-1", faulty_store(None), {})
