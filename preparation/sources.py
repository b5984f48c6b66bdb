"""What a person names as a source, as files: a file, a folder, a glob or an fsspec URI."""

import glob
import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import fsspec

from errors import NotConfigured, NotFound, Unavailable

BLOCK = 1 << 20
WILD = frozenset("*?[")
MISNAMED = "Its name, or that of a folder above it, is no valid UTF-8; rename it."
NO_FILE = "It is no regular file."
# what file systems raise that is no OSError: module, class, and whether it is about credentials
VENDOR_ERRORS = (
    ("botocore.exceptions", "NoCredentialsError", True),
    ("botocore.exceptions", "PartialCredentialsError", True),
    ("botocore.exceptions", "BotoCoreError", False),
    ("botocore.exceptions", "ClientError", False),
    ("google.auth.exceptions", "GoogleAuthError", True),
    ("gcsfs.retry", "HttpError", False),
    ("aiohttp", "ClientError", False),
)


class File(NamedTuple):
    """A file found. `name` is its path below the source; `fault` says why it is not to be read; one that is
    `held` is not trained on."""

    uri: str
    name: str
    fault: str = ""
    held: bool = False


class Copy(NamedTuple):
    """A file that is at hand on this machine, or the reason why it is not."""

    file: File
    path: Path
    sha256: str
    bytes: int
    fault: str = ""


def find_files(sources: Sequence[str], out: str = "", held: Sequence[str] = ()) -> list[File]:
    """Every file once, whatever the order of the sources; none that lies in the folder `out`. A file of both
    `sources` and `held` is held.

    Raises NotFound for a source that does not exist, NotConfigured or Unavailable for one out of reach.
    """
    found: dict[str, File] = {}
    kept_back: set[str] = set()
    for source in (*sources, *held):
        for file in _remote(source) if is_remote(source) else _local(source):
            key = file.uri if is_remote(source) or file.fault else os.path.realpath(file.uri)
            found[key] = min(file, found.get(key, file), key=_outermost)
            if source in held:
                kept_back.add(key)
    for key in kept_back:
        found[key] = found[key]._replace(held=True)
    return [_readable(file) for file in found.values() if file.uri.rpartition("/")[0] != out]


def _readable(file: File) -> File:
    """Names are written in reports and beside each row, where only text can stand."""
    uri, name = readable(file.uri), readable(file.name)
    return file if (uri, name) == (file.uri, file.name) else file._replace(uri=uri, name=name, fault=MISNAMED)


def readable(name: str) -> str:
    """With a question mark for each byte that is no UTF-8."""
    return name.encode("utf-8", "replace").decode()


def _outermost(file: File) -> tuple[int, str, str]:
    return -file.name.count("/"), file.name, file.uri


def downloaded(file: File, path: Path) -> Copy:
    """A remote file brought to `path`. Raises Unavailable for a store out of reach."""
    try:
        with _reaching(file.uri), fsspec.open(file.uri, "rb") as stream, open(path, "wb") as copy:
            return Copy(file, path, *_digest(stream, copy))
    except (NotFound, NotConfigured) as error:
        return Copy(file, path, "", 0, error.message)


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a local file. Raises OSError."""
    with open(path, "rb") as stream:
        return _digest(stream)


def unopened(error: OSError) -> str:
    """Why a file can't be read, as people are told."""
    if isinstance(error, PermissionError):
        return "It may not be opened; allow this user to read it."
    if isinstance(error, FileNotFoundError):
        return "It has vanished while files were read."
    return f"It can't be read: {error.strerror or error}."


def _digest(stream: BinaryIO, copy: Any = None) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while block := stream.read(BLOCK):
        digest.update(block)
        size += len(block)
        if copy is not None:
            copy.write(block)
    return digest.hexdigest(), size


def is_remote(source: str) -> bool:
    return "://" in source and not source.startswith(("file://", "local://"))


def _hidden(name: str) -> bool:
    return name.startswith((".", "~$"))


def _missing(source: str) -> NotFound:
    return NotFound(f"There is no file, folder or match for '{source}'.", "Check how the path is written.")


def _local(source: str) -> Iterator[File]:
    path = os.path.abspath(os.path.expanduser(source.split("://", 1)[-1])) if source else ""
    if os.path.isdir(path):
        yield from _walk(path, path)
    elif os.path.lexists(path):
        # named by the person, so a link may lead anywhere
        yield File(path, os.path.basename(path), _fault(path, "/"))
    elif matches := sorted(glob.glob(path, recursive=True)):
        root = _root(path)
        for match in matches:
            if not os.path.isdir(match) and not os.path.basename(match).startswith("~$"):
                yield File(match, os.path.relpath(match, root), _fault(match, root))
            elif os.path.isdir(match) and "**" not in path:
                yield from _walk(match, root)
    else:
        raise _missing(source)


def _root(pattern: str) -> str:
    """The folder above the first wildcard."""
    plain = pattern[: min(pattern.index(mark) for mark in WILD if mark in pattern)]
    return plain[: plain.rindex("/")] or "/"


def _walk(folder: str, root: str) -> Iterator[File]:
    closed: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in sorted([*names, *links]):
            path = os.path.join(place, name)
            fault = _fault(path, root)
            # a link to a folder inside leads to files that are met anyway
            if not _hidden(name) and not (name in links and fault == NO_FILE):
                yield File(path, os.path.relpath(path, root), fault)
    for error in closed:
        yield File(str(error.filename), os.path.relpath(str(error.filename), root), unopened(error))


def _fault(path: str, root: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return "It is a link that leads nowhere." if os.path.islink(path) else "It can't be looked at."
    home = os.path.realpath(root)
    if os.path.islink(path) and os.path.commonpath([os.path.realpath(path), home]) != home:
        return "It is a link that leads out of the folder; give its target as a source."
    return "" if stat.S_ISREG(status.st_mode) else NO_FILE


def _remote(source: str) -> Iterator[File]:
    with _reaching(source):
        fs, path = fsspec.url_to_fs(source)
        fs.invalidate_cache()
        if fs.isfile(path):
            yield File(fs.unstrip_protocol(path), path.rpartition("/")[2])
            return
        if fs.isdir(path):
            root, found = path.rstrip("/"), fs.find(path, detail=True)
        elif not WILD.isdisjoint(path):
            root, found = _root(path), fs.glob(path, detail=True)
        else:
            raise _missing(source)
        files = [at for at, status in found.items() if status["type"] == "file" and not at.endswith("/")]
    if not files and not WILD.isdisjoint(path):
        raise _missing(source)
    for at in sorted(files):
        name = at[len(root) :].lstrip("/")
        if not any(map(_hidden, name.split("/"))):
            yield File(fs.unstrip_protocol(at), name)


@contextmanager
def _reaching(uri: str) -> Iterator[None]:
    """Maps what file systems raise to our errors."""
    try:
        yield
    except FileNotFoundError:
        raise _missing(uri) from None
    except ImportError as error:
        scheme = uri.partition("://")[0]
        extra = {"gs": "gcs", "gcs": "gcs"}.get(scheme, "s3")
        raise NotConfigured(
            f"Reading '{uri}' needs a library that is not installed: {error}.", f"pip install -e '.[{extra}]'"
        ) from error
    except PermissionError as error:
        raise _refused(uri) from error
    except ValueError as error:
        raise NotFound(f"'{uri}' can't be read: {error}.", "Use s3://, gs:// or a path.") from error
    except (OSError, *_vendor_errors(credentials=False), *_vendor_errors(credentials=True)) as error:  # type: ignore[misc]
        if isinstance(error, _vendor_errors(credentials=True)):
            raise _refused(uri) from error
        raise Unavailable(f"'{uri}' can't be reached: {error}.", "Check network and address.") from error


def _refused(uri: str) -> NotConfigured:
    return NotConfigured(
        f"Access to '{uri}' was refused.",
        "Set the credentials of its store (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or"
        " GOOGLE_APPLICATION_CREDENTIALS), and allow them to list and read it.",
    )


def _vendor_errors(credentials: bool) -> tuple[type[Exception], ...]:
    """The classes of libraries that are loaded, so that none has to be."""
    return tuple(
        getattr(sys.modules[module], name)
        for module, name, about in VENDOR_ERRORS
        if about == credentials and module in sys.modules
    )
