"""Files by path or URI, with faults as our errors: local ones by the standard library, others by fsspec."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from errors import LuthierError, NotConfigured, NotFound, Unavailable

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# What to install for a kind of URI, and what its client raises beside OSError.
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
FAULTS = {
    "s3": ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError"),
    "gcs": (
        "google.auth.exceptions:GoogleAuthError",
        "gcsfs.retry:HttpError",
        "aiohttp:ClientError",
    ),
}
VERIFIED_BYTES = 64 << 20  # read back after the upload up to this size; above, only the size is compared
NO_KEYS = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "DefaultCredentialsError")


def local(uri: str) -> Path | None:
    """The path of a local file, None for a file elsewhere."""
    if uri.startswith("file://"):
        return Path(unquote(urlsplit(uri).path))
    return None if "://" in uri else Path(uri)


@contextmanager
def remote(uri: str) -> "Iterator[tuple[AbstractFileSystem, str]]":
    """The file system of a URI and the path in it; what goes wrong inside becomes one of our errors.

    Raises NotConfigured (library, keys, bucket or rights missing), NotFound, or Unavailable for the rest.
    """
    protocol = uri.partition("://")[0]
    try:
        system, path = _file_system(protocol), uri.partition("://")[2]
        system.invalidate_cache()
        yield system, path
    except FileNotFoundError as error:
        raise NotFound(f"There is nothing at {uri}: {error}.", "Check the bucket and the path.") from error
    except PermissionError as error:
        raise NotConfigured(
            f"The store refuses access to {uri}: {error}.",
            "Give the account that Luthier runs as the right to read and write there.",
        ) from error
    except OSError as error:
        raise Unavailable(f"The store of {uri} fails: {error}.", "Try again in a moment.") from error
    except _client_faults(protocol) as error:
        raise _client_error(uri, error) from error


def _file_system(protocol: str) -> "AbstractFileSystem":
    import fsspec

    try:
        # a listing that is kept hides what other workers publish
        return fsspec.filesystem(protocol, use_listings_cache=False)
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        hint = f"Install it: pip install -e '.[{extra}]'." if extra else f"{error}."
        raise NotConfigured(f"A library for {protocol}:// is missing.", hint) from error
    except ValueError as error:
        raise NotConfigured(
            f"Luthier can't keep files at {protocol}://.", "Use a folder, s3:// or gs://."
        ) from error


def _client_faults(protocol: str) -> tuple[type[Exception], ...]:
    found = []
    for name in FAULTS.get(EXTRAS.get(protocol, ""), ()):
        module, _, attribute = name.partition(":")
        try:
            found.append(getattr(import_module(module), attribute))
        except ModuleNotFoundError:
            continue
    return tuple(found)


def _client_error(uri: str, error: Exception) -> LuthierError:
    if type(error).__name__ in NO_KEYS:
        return NotConfigured(
            f"There are no keys for {uri}: {error}.",
            "Set the store's credentials as its own tools do: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "a profile, or GOOGLE_APPLICATION_CREDENTIALS.",
        )
    return Unavailable(f"The store of {uri} can't be reached: {error}.", "Check the network and try again.")


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Faults of the local disk as our errors: NotFound, or NotConfigured."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {error.filename or path}.", "Check the path.") from error
    except OSError as error:
        raise NotConfigured(
            f"{error.filename or path} can't be read or written: {error.strerror or error}.",
            "Check the rights and the free space there.",
        ) from error


@contextmanager
def opened(uri: str) -> Iterator[BinaryIO]:
    """A file for reading, wherever it is."""
    path = local(uri)
    if path:
        with disk(path), path.open("rb") as file:
            yield file
    else:
        with remote(uri) as (system, inside), system.open(inside, "rb") as file:
            yield file


def digest(uri: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    seen = hashlib.sha256()
    with opened(str(uri)) as file:
        while chunk := file.read(1 << 20):
            seen.update(chunk)
    return seen.hexdigest()


def copy(uri: str, target: Path) -> None:
    """Copy a file to a local path: all of it under that name, or nothing."""
    with disk(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    part = beside(target)
    try:
        with opened(uri) as source, disk(part), part.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
            sync(sink)
        with disk(target):
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def upload(path: Path, uri: str) -> None:
    """Put a file into a store, which shows it whole or not at all, and verify that it is what was sent.

    Raises NotConfigured if the bucket isn't there, Unavailable if it can't be reached or holds other bytes.
    """
    size = path.stat().st_size
    try:
        with remote(uri) as (system, inside):
            system.put_file(str(path), inside)
            kept = int(system.info(inside)["size"])
    except NotFound as error:
        raise NotConfigured(
            f"The bucket of {uri} does not exist.",
            "Create it, or set LUTHIER_STORE to another place.",
        ) from error
    whole = kept == size
    if whole and size <= VERIFIED_BYTES:
        whole = digest(uri) == digest(path)
    if not whole:
        raise Unavailable(f"The store holds other bytes at {uri} than were sent.", "Try again.")


def exists(uri: str) -> bool:
    path = local(uri)
    if path:
        return path.exists()
    with remote(uri) as (system, inside):
        return bool(system.exists(inside))


def remove_folder(uri: str) -> None:
    """Delete all below it; one that isn't there is fine, and so is one that can't be deleted now."""
    path = local(uri)
    if path:
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(LuthierError), remote(uri) as (system, inside):
        system.rm(inside, recursive=True)


def remove(uri: str) -> None:
    """Delete a file; one that isn't there is fine."""
    path = local(uri)
    if path:
        with disk(path):
            path.unlink(missing_ok=True)
        return
    try:
        with remote(uri) as (system, inside):
            system.rm_file(inside)
    except NotFound:
        pass


def version(uri: str) -> str:
    """Changes whenever the file's bytes do: size and time of a local file, size and entity tag in a store."""
    path = local(uri)
    if path:
        with disk(path):
            status = path.stat()
            return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"
    with remote(uri) as (system, inside):
        about: dict[str, Any] = system.info(inside)
        tag = about.get("ETag") or about.get("etag") or about.get("generation") or about.get("mtime")
        return f"{about['size']}-{tag}"


def beside(path: Path) -> Path:
    """A hidden name in the same folder, for what is not finished yet."""
    return path.with_name(f".{path.name}.{uuid4().hex[:12]}.part")


def move_in(part: Path, folder: Path) -> None:
    """Give a finished folder its name; if another process was faster, its folder is as good."""
    try:
        part.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
