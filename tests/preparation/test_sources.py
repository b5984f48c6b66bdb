import os
import socket
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from errors import NotConfigured, NotFound, Unavailable
from preparation.sources import digest_of, downloaded, find_files, unopened


def grow(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def names(*sources: object, out: str = "") -> list[str]:
    return sorted(file.name for file in find_files([str(source) for source in sources], out))


def faults(*sources: object) -> dict[str, str]:
    return {file.name: file.fault for file in find_files([str(source) for source in sources]) if file.fault}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    grow(
        folder, "a.txt", "b.csv", "deep/c.txt", "deep/er/d.txt", ".hidden", ".git/config", "deep/~$lock.docx"
    )
    return folder


def test_a_folder_means_all_files_below_it_but_hidden_ones(tree: Path) -> None:
    assert names(tree) == ["a.txt", "b.csv", "deep/c.txt", "deep/er/d.txt"]
    assert [file.uri for file in find_files([f"{tree}/deep/er"])] == [str(tree / "deep/er/d.txt")]


def test_a_file_goes_by_its_own_name(tree: Path) -> None:
    assert names(tree / "deep/c.txt") == ["c.txt"]
    assert names(f"file://{tree}/deep/c.txt") == ["c.txt"]
    assert names(tree / ".hidden") == [".hidden"]


def test_globs_go_by_the_path_below_the_first_wildcard(tree: Path) -> None:
    assert names(f"{tree}/*.txt") == ["a.txt"]
    assert names(f"{tree}/**/*.txt") == ["a.txt", "deep/c.txt", "deep/er/d.txt"]
    assert names(f"{tree}/d*") == ["deep/c.txt", "deep/er/d.txt"]
    assert names(f"{tree}/**") == ["a.txt", "b.csv", "deep/c.txt", "deep/er/d.txt"]


def test_a_name_that_looks_like_a_glob_is_a_name_first(tree: Path) -> None:
    grow(tree, "report[1].txt")
    assert names(tree / "report[1].txt") == ["report[1].txt"]


def test_relative_paths_and_the_home_are_understood(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    monkeypatch.setenv("HOME", str(tree))
    (file,) = find_files(["deep/c.txt"])
    assert file.uri == str(tree / "deep/c.txt")
    assert names("~/deep/c.txt") == ["c.txt"]


def test_a_file_that_is_met_twice_is_read_once_whatever_the_order(tree: Path) -> None:
    sources = [str(tree), str(tree / "deep/c.txt"), f"{tree}/**/*.txt", str(tree / "deep")]
    found = find_files(sources)
    assert sorted(file.name for file in found) == ["a.txt", "b.csv", "deep/c.txt", "deep/er/d.txt"]
    assert set(find_files(sources[::-1])) == set(found)


@pytest.mark.parametrize(
    "source", ["nowhere", "nowhere/*.txt", "", "memory://nowhere/x", "memory://nowhere/*.txt", "unheard://x"]
)
def test_a_source_that_does_not_exist_is_named(source: str) -> None:
    with pytest.raises(NotFound) as error:
        find_files([source])
    assert f"'{source}'" in error.value.message
    assert error.value.hint


def test_links_that_lead_out_or_nowhere_are_told_and_not_followed(tree: Path, tmp_path: Path) -> None:
    grow(tmp_path, "outside/secret.txt")
    (tree / "out.txt").symlink_to(tmp_path / "outside/secret.txt")
    (tree / "outdir").symlink_to(tmp_path / "outside")
    (tree / "gone.txt").symlink_to(tree / "missing")
    (tree / "in.txt").symlink_to(tree / "deep/c.txt")
    (tree / "indir").symlink_to(tree / "deep")
    out = "It is a link that leads out of the folder; give its target as a source."
    expected = {"out.txt": out, "outdir": out, "gone.txt": "It is a link that leads nowhere."}
    assert faults(tree) == expected
    assert len(names(tree)) == 4 + len(expected)
    assert faults(f"{tree}/*.txt") == {"out.txt": out, "gone.txt": expected["gone.txt"]}
    assert faults(tree / "out.txt") == {}


def test_what_is_no_regular_file_is_told(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tree / "pipe")
    monkeypatch.chdir(tree)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert faults(tree) == {"pipe": "It is no regular file.", "socket": "It is no regular file."}
        assert faults(tree / "pipe") == {"pipe": "It is no regular file."}


def test_the_folder_of_the_output_is_left_out(tree: Path) -> None:
    grow(tree, "out/rows.jsonl", "out/drops.jsonl")
    assert names(tree, out=str(tree / "out")) == ["a.txt", "b.csv", "deep/c.txt", "deep/er/d.txt"]


def test_remote_folders_globs_and_files_are_found() -> None:
    store = fsspec.filesystem("memory")
    for name in ("a.txt", "deep/b.txt", ".hidden/c.txt", "deep/d.csv"):
        store.pipe(f"/found/{name}", b"x")
    assert names("memory://found") == ["a.txt", "deep/b.txt", "deep/d.csv"]
    assert names("memory://found/**/*.txt") == ["a.txt", "deep/b.txt"]
    assert names("memory://found/deep/b.txt", "memory://found/") == ["a.txt", "deep/b.txt", "deep/d.csv"]


def test_a_remote_file_is_brought_here_with_its_digest(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/fetch/a.txt", b"hello")
    (file,) = find_files(["memory://fetch/a.txt"])
    copy = downloaded(file, tmp_path / "copy")
    assert copy.path.read_bytes() == b"hello"
    assert (copy.sha256, copy.bytes) == digest_of(copy.path)
    assert (copy.bytes, copy.file.uri) == (5, "memory:///fetch/a.txt")


FAULTS = {"forbidden": PermissionError, "vanished": FileNotFoundError, "slow": TimeoutError}


class Moody(MemoryFileSystem):
    """A store that fails as its path says."""

    protocol = "moody"
    store: dict = {}  # noqa: RUF012 - as in MemoryFileSystem
    pseudo_dirs = [""]  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("moody://", "/"))

    def open(self, path: str, mode: str = "rb", **options: object) -> object:
        if mode == "rb":
            raise FAULTS[path.rpartition("/")[2]](path)
        return super().open(path, mode, **options)


@pytest.fixture
def moody() -> Moody:
    fsspec.register_implementation("moody", Moody, clobber=True)
    return Moody()


def test_a_remote_file_that_may_not_be_read_is_told(moody: Moody, tmp_path: Path) -> None:
    moody.pipe({"/m/forbidden": b"x", "/m/vanished": b"x"})
    copies = [downloaded(file, tmp_path / "copy") for file in find_files(["moody://m"])]
    assert [(copy.file.name, bool(copy.fault)) for copy in copies] == [
        ("forbidden", True),
        ("vanished", True),
    ]
    assert copies[0].fault == "Access to 'moody:///m/forbidden' was refused."


def test_a_passing_fault_of_the_network_can_be_retried(moody: Moody, tmp_path: Path) -> None:
    moody.pipe("/n/slow", b"x")
    (file,) = find_files(["moody://n"])
    with pytest.raises(Unavailable, match="can't be reached"):
        downloaded(file, tmp_path / "copy")


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(NotConfigured, match="Access to 's3://bucket/x' was refused"):
        find_files(["s3://bucket/x"])
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_local_file_that_may_not_be_read_is_told() -> None:
    assert unopened(PermissionError(13, "denied")) == "It may not be opened; allow this user to read it."
    assert unopened(OSError(5, "Input/output error")) == "It can't be read: Input/output error."


def test_a_held_source_marks_its_files_however_they_are_named(tree) -> None:
    found = find_files([str(tree)], held=[f"{tree}/deep/er"])
    assert {file.uri for file in found if file.held} == {str(tree / "deep/er/d.txt")}
    assert len(found) == len(find_files([str(tree)])) > 1
