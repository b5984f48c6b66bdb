import io
from pathlib import Path

import pytest

from errors import InvalidData, NotFound
from registry.uploads import safe_name, shown_name


def test_an_upload_is_kept_found_and_deleted(registry):
    upload = registry.keep_upload("owner", "tools.csv", io.BytesIO(b"a,b\n"))
    assert Path(upload.path).read_bytes() == b"a,b\n"
    assert registry.upload("owner", upload.id) == upload
    registry.delete_upload("owner", upload.id)
    assert not Path(upload.path).parent.exists()
    assert registry.uploads("owner") == []
    with pytest.raises(NotFound):
        registry.delete_upload("owner", upload.id)


def test_an_empty_upload_leaves_nothing(registry):
    with pytest.raises(InvalidData, match="empty"):
        registry.keep_upload("owner", "tools.csv", io.BytesIO())
    assert list((registry.home / "uploads").iterdir()) == []


def test_an_upload_that_breaks_off_leaves_nothing(registry):
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("connection lost")

    with pytest.raises(Exception, match="connection lost"):
        registry.keep_upload("owner", "tools.csv", Broken())
    assert list((registry.home / "uploads").iterdir()) == []
    assert registry.uploads("owner") == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("tools.csv", "tools.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\räder 2.csv", "räder 2.csv"),
        (".bashrc", "bashrc"),
        ("..", "file"),
        ("", "file"),
        ("a*b?[c].txt", "a_b_c_.txt"),
        ("O’Neill & Sons' notes.md", "O’Neill & Sons' notes.md"),
        ("x" * 300 + ".jsonl", "x" * 99 + "_" + ".jsonl"),
        ("\x00\x01", "file"),
    ],
)
def test_names_are_made_harmless(given, kept):
    assert safe_name(given) == kept


@pytest.mark.parametrize("name", ["数据" * 80 + ".csv", "🎻" * 90 + ".txt", "é" * 200])
def test_a_long_name_fits_any_file_system(name):
    assert 0 < len(safe_name(name).encode()) <= 200


def test_the_shown_name_is_the_last_part(registry):
    assert shown_name("a/b/<b>tools</b>.csv") == "b>.csv"
    assert shown_name("folder/tools \u202e.csv") == "tools .csv"
