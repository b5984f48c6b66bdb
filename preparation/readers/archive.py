"""Archives: every member is a source of its own. Zip, tar, and single files packed by gzip, bzip2 or xz.

Only regular members with a name that stays inside are unpacked, and only as far as the limits allow (see
`preparation.parsing`), whatever the archive says about their sizes.
"""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from preparation.readers import Member, Unreadable, undamaged
from records import Source

MOST_MEMBERS = 50_000
HIDDEN = re.compile(r"\.[^.]|~\$")
NOTHING = io.BytesIO()
OUTSIDE = "Its name leads out of the archive; unpack it where it belongs and give the folder."
LOCKED = "It needs a password; unpack it and give the folder."
NO_FILE = "It is a link or device in an archive; only files are unpacked."
PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


def read(path: Path, source: Source) -> Iterator[Member]:
    with open(path, "rb") as file:
        head = file.read(2)
    if head == b"PK":
        yield from _zip(path)
    elif head in PACKED:
        yield from _packed(path, head, source)
    else:
        with undamaged("archive"), tarfile.open(path, "r|") as archive:
            yield from _tar(archive)


def _zip(path: Path) -> Iterator[Member]:
    with undamaged("archive"), zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if len(infos) > MOST_MEMBERS:
            raise Unreadable(
                f"It holds {len(infos):,} files, more than the {MOST_MEMBERS:,} that are unpacked",
                "unpack it",
            )
        for info in infos:
            if hidden(info.filename):
                continue
            mode = info.external_attr >> 16
            if fault := _fault(info.filename, mode & 0o170000 in (0, 0o100000)):
                yield Member(info.filename, NOTHING, fault)
            elif info.flag_bits & 1:
                yield Member(info.filename, NOTHING, LOCKED)
            else:
                try:
                    with archive.open(info) as stream:
                        yield Member(info.filename, cast(BinaryIO, stream))
                except NotImplementedError:
                    yield Member(
                        info.filename, NOTHING, "It is packed in a way that is not known; unpack it."
                    )


def _tar(archive: tarfile.TarFile) -> Iterator[Member]:
    for number, info in enumerate(archive):
        if number >= MOST_MEMBERS:
            raise Unreadable(f"It holds more than the {MOST_MEMBERS:,} files that are unpacked", "unpack it")
        if info.isdir() or hidden(info.name):
            continue
        fault = _fault(info.name, info.isreg())
        stream = None if fault else archive.extractfile(info)
        yield Member(info.name, cast(BinaryIO, stream) if stream else NOTHING, fault)


def _packed(path: Path, head: bytes, source: Source) -> Iterator[Member]:
    """A packed file is one member, a packed tar its members."""
    name = Path(source.uri).name
    with undamaged("archive"), PACKED[head](path, "rb") as stream:
        start = stream.peek(512)[:512] if hasattr(stream, "peek") else b""
        if start[257:262] == b"ustar" or name.lower().endswith(
            (".tgz", ".tbz2", ".txz", ".tar" + Path(name).suffix)
        ):
            with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r|") as archive:
                yield from _tar(archive)
        else:
            yield Member(Path(name).stem or name, cast(BinaryIO, stream))


def hidden(name: str) -> bool:
    """Files that systems leave in archives, and those hidden as they are in folders."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part == "__MACOSX" or HIDDEN.match(part) for part in parts)


def _fault(name: str, regular: bool) -> str:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or parts[:1] == ("/",) or (parts and parts[0].endswith(":")) or "\x00" in name:
        return OUTSIDE
    return "" if regular else NO_FILE
