"""Publishing a model's files as one zip, and reading it back: a reader sees all of it or none.

A local store takes a hidden temporary file and a rename. An object store takes one put, which it shows whole
or not at all, and which is verified afterwards.
"""

import hashlib
import json
import re
import shutil
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import ZipFile, ZipInfo

from errors import InvalidData, TrainingFailed
from registry import files

MANIFEST = "luthier.json"
CHUNK = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first moment
ABANDONED_SECONDS = 24 * 3600
# Weights hardly shrink: deflating them costs minutes for a few per cent.
STORED = (".safetensors", ".bin", ".pt", ".gguf")
# No adapter unpacks to more than this many times its zip; deflate could do a thousand.
INFLATION = 200


class Published(NamedTuple):
    uri: str
    digests: dict[str, str]


def publish(folder: Path, name: str, store: str, manifest: dict[str, Any]) -> Published:
    """Zip the files of `folder` (not its subfolders) to `store`/`name`.zip, over an older one of that name.

    `manifest` becomes luthier.json, completed by `sha256`: file name -> digest of every other file.
    The same files and manifest give the same bytes. Raises TrainingFailed for an empty folder, NotConfigured
    if the store isn't there or refuses, Unavailable if it can't be reached or the upload doesn't verify.
    """
    uri = f"{store.rstrip('/')}/{plain(name)}.zip"
    target = files.local(uri)
    if target:
        with files.disk(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _sweep(target)
        return _publish_locally(folder, target, manifest)
    with tempfile.TemporaryDirectory(prefix="luthier-") as temporary:
        part = Path(temporary) / "artifact.zip"
        digests = _build(folder, part, manifest)
        files.upload(part, uri)
    return Published(uri, digests)


def _publish_locally(folder: Path, target: Path, manifest: dict[str, Any]) -> Published:
    part = files.beside(target)
    try:
        digests = _build(folder, part, manifest)
        with files.disk(target):
            part.replace(target)
            files.sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)
    return Published(str(target.absolute()), digests)


def _sweep(target: Path) -> None:
    """Remove what a killed publication of this artefact left, a day later."""
    for part in target.parent.glob(f".{target.name}.*.part"):
        if part.stat().st_mtime < time.time() - ABANDONED_SECONDS:
            part.unlink(missing_ok=True)


def _build(folder: Path, part: Path, manifest: dict[str, Any]) -> dict[str, str]:
    """Write the zip; returns the digest of each file in it but the manifest."""
    with files.disk(folder):
        found = sorted(path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)
    if not found:
        raise TrainingFailed("The training left no files to publish.", f"Look at the log in {folder}.")
    digests = {}
    with files.disk(part), part.open("wb") as sink:
        with ZipFile(sink, "w") as archive:
            for path in found:
                with path.open("rb") as source:
                    digests[path.name] = _add(archive, path.name, source, path.stat().st_size)
            text = json.dumps({**manifest, "sha256": digests}, indent=2, ensure_ascii=False, sort_keys=True)
            archive.writestr(_entry(MANIFEST), text.encode() + b"\n")
        files.sync(sink)
    return digests


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, date_time=EPOCH)
    entry.create_system = 3  # Unix, also where it is built on Windows
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
    return entry


def _add(archive: ZipFile, name: str, source: IO[bytes], size: int) -> str:
    """The digest is taken of the very bytes that go into the zip."""
    entry, seen = _entry(name), hashlib.sha256()
    entry.file_size = size  # decides on zip64
    with archive.open(entry, "w") as sink:
        while chunk := source.read(CHUNK):
            seen.update(chunk)
            sink.write(chunk)
    return seen.hexdigest()


def fetch(uri: str, target: Path) -> None:
    """Copy an artefact to a local path, all of it or nothing. Raises NotFound."""
    files.copy(uri, target)


def unpack(uri: str, cache: Path) -> Path:
    """A folder with the artefact's files, unpacked once for each version of its bytes.

    Every file is checked against luthier.json. Raises InvalidData for a zip that is damaged or that reaches
    outside its folder.
    """
    folder = cache / hashlib.sha256(f"{uri} {files.version(uri)}".encode()).hexdigest()[:32]
    if folder.is_dir():
        return folder
    with files.disk(cache):
        cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=cache) as temporary:
        archive, unpacked = Path(temporary) / "artifact.zip", Path(temporary) / "files"
        fetch(uri, archive)
        unpacked.mkdir()
        with _damage_of(uri), files.disk(unpacked):
            _extract(archive, unpacked)
        _verify(unpacked, uri)
        with files.disk(folder):
            files.move_in(unpacked, folder)
    return folder


@contextmanager
def _damage_of(uri: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, RuntimeError) as error:
        raise _damaged(uri, str(error)) from error


def _damaged(uri: str, reason: str) -> InvalidData:
    return InvalidData(f"The artefact {uri} is damaged: {reason.rstrip('.')}.", "Publish the model again.")


def _extract(archive: Path, target: Path) -> None:
    """Only plain files at the root; anything else raises ValueError before a byte is written."""
    with ZipFile(archive) as opened:
        entries = opened.infolist()
        names = [plain(entry.filename) for entry in entries]
        if len({name.casefold() for name in names}) < len(names):
            raise ValueError("a file name occurs twice")
        if sum(entry.file_size for entry in entries) > max(INFLATION * archive.stat().st_size, CHUNK):
            raise ValueError("it would unpack to an implausible size")
        for entry in entries:
            with opened.open(entry) as source, (target / entry.filename).open("xb") as sink:
                shutil.copyfileobj(source, sink, CHUNK)


def _verify(folder: Path, uri: str) -> None:
    """Raises InvalidData unless the files are just those of the manifest."""
    try:
        promised = json.loads((folder / MANIFEST).read_bytes())["sha256"]
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise _damaged(uri, f"{MANIFEST} is missing or lists no digests") from error
    found = {path.name: files.digest(path) for path in folder.iterdir() if path.name != MANIFEST}
    wrong = sorted(name for name in {*found, *promised} if found.get(name) != promised.get(name))
    if wrong:
        raise _damaged(uri, f"{wrong[0]} is not what {MANIFEST} promises")


def plain(name: str) -> str:
    """The name, if it is one of a file in a folder and leads nowhere else; raises ValueError if not."""
    if not re.fullmatch(r"[^/\\:\x00-\x1f]{1,200}", name) or name in (".", ".."):
        raise ValueError(f"{name!r} is not a plain file name")
    return name
