import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from preparation.readers import Unreadable
from preparation.readers.archive import LOCKED, NO_FILE, OUTSIDE
from tests.preparation.samples import tarred, zipped


def test_members_of_every_kind_of_archive_are_found(read) -> None:
    members = {"a.txt": b"one", "deep/b.txt": b"two"}
    whole = [("a.txt", b"one"), ("deep/b.txt", b"two")]
    assert read("x.zip", zipped(dict(members))) == whole
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        assert read("x.tar", tarred(members, mode)) == whole
    assert read("a.txt.gz", gzip.compress(b"one")) == [("a.txt", b"one")]


def test_what_systems_leave_in_archives_is_passed_over(read) -> None:
    names = ("__MACOSX/a.txt", ".hidden/b.txt", "c/.DS_Store", "~$d.docx", "e.txt")
    assert read("x.zip", zipped(dict.fromkeys(names, "x"))) == [("e.txt", b"x")]


@pytest.mark.parametrize("name", ["../up.txt", "/etc/up.txt", "a/../../up.txt", "C:/up.txt", "..\\up.txt"])
def test_a_name_that_leads_outside_is_told(read, name: str) -> None:
    assert read("x.zip", zipped({name: "x", "good.txt": "y"})) == [(name, OUTSIDE), ("good.txt", b"y")]
    assert read("x.tar", tarred({name: b"x"}, "w"))[0][1] == OUTSIDE


def test_links_and_devices_are_told(read) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for kind, name in ((tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "hard"), (tarfile.CHRTYPE, "device")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert read("x.tar", stream.getvalue()) == [(name, NO_FILE) for name in ("link", "hard", "device")]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zip_archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        zip_archive.writestr(info, "/etc/passwd")
    assert read("x.zip", stream.getvalue()) == [("link", NO_FILE)]


def test_members_with_a_password_are_told(read) -> None:
    content = bytearray(zipped({"a.txt": "x"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert read("x.zip", bytes(content)) == [("a.txt", LOCKED)]


def test_an_archive_that_is_cut_off_is_damaged(read) -> None:
    with pytest.raises(Unreadable, match="The archive is damaged"):
        read("x.zip", zipped({"a.txt": "x" * 999})[:-30])
