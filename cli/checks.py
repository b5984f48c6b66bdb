"""What `luthier doctor` looks at on this machine. Each check yields findings and changes nothing."""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal, NamedTuple
from uuid import uuid4

from cli.wiring import open_registry
from errors import LuthierError
from settings import Settings

State = Literal["ok", "wrong", "warning", "off"]
SCARCE_BYTES, LOW_BYTES = 1 << 30, 10 << 30
EXTRA_NEEDED_BY = {
    "openai": lambda chosen: chosen.openai_api_key,
    "gemini": lambda chosen: chosen.google_project,
    "oidc": lambda chosen: chosen.oidc_issuer,
    "postgres": lambda chosen: chosen.registry_url.startswith(("postgres:", "postgresql:")),
    "s3": lambda chosen: chosen.store.startswith("s3"),
    "gcs": lambda chosen: chosen.store.startswith(("gs:", "gcs:")),
}


class Check(NamedTuple):
    """`off`: not set up, and nothing asks for it. `hint`: what to do."""

    name: str
    state: State
    message: str
    hint: str = ""


def faulty(name: str, error: LuthierError) -> Check:
    return Check(name, "wrong", error.message, error.hint)


def home(chosen: Settings) -> Iterator[Check]:
    root = chosen.root
    if root.exists() and not root.is_dir():
        yield Check("home", "wrong", f"{root} is no folder.", "Set LUTHIER_HOME to a folder of yours.")
        return
    at_hand = next(folder for folder in (root, *root.parents) if folder.is_dir())
    if not os.access(at_hand, os.W_OK):
        yield Check("home", "wrong", f"{root} can't be written to.", "Set LUTHIER_HOME to a folder of yours.")
        return
    if not root.is_dir():
        yield Check("home", "ok", f"{root} is made on first use.")
    elif root.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Check(
            "home", "warning", f"{root} is open to other users of this machine.", f"Run: chmod 700 {root}"
        )
    else:
        yield Check("home", "ok", f"{root}, yours alone.")
    free = shutil.disk_usage(at_hand).free
    told = f"{free / 1e9:,.0f} GB free."
    if free > LOW_BYTES:
        yield Check("disk", "ok", told)
    else:
        state: State = "wrong" if free < SCARCE_BYTES else "warning"
        yield Check("disk", state, told, "Make room, or set LUTHIER_HOME to a larger disk.")


def registry(chosen: Settings) -> Iterator[Check]:
    from registry.engine import shown
    from registry.schema import HEAD

    try:
        found = open_registry().standing()
    except LuthierError as error:
        yield faulty("registry", error)
        return
    place = shown(chosen.registry_url)
    if found is None:
        yield Check("registry", "ok", f"{place} is set up on first use.")
    elif found == HEAD:
        yield Check("registry", "ok", f"{place}, schema {found}.")
    elif found < HEAD:
        yield Check("registry", "ok", f"{place} has schema {found}; the next command upgrades it to {HEAD}.")
    else:
        yield Check(
            "registry", "wrong", f"{place} has schema {found}, newer than this Luthier.", "Upgrade Luthier."
        )


def store(chosen: Settings) -> Iterator[Check]:
    """Writes a small file, reads it back and deletes it."""
    from registry import files

    if "://" not in chosen.store_uri:
        yield Check("store", "ok", f"{chosen.store_uri} on this disk.")
        return
    uri, word = f"{chosen.store_uri.rstrip('/')}/luthier-doctor-{uuid4().hex[:12]}", uuid4().bytes
    try:
        with files.remote(uri) as (system, path):
            system.pipe_file(path, word)
            kept = system.cat_file(path)
            system.rm_file(path)
    except LuthierError as error:
        yield faulty("store", error)
        return
    if kept == word:
        yield Check("store", "ok", f"{chosen.store_uri}: written, read and deleted a file.")
    else:
        yield Check(
            "store", "wrong", f"{chosen.store_uri} gave back other bytes than it got.", "Look at its log."
        )


def packages(chosen: Settings) -> Iterator[Check]:
    yield Check("luthier", "ok", f"{version('luthier')} on Python {sys.version.split()[0]}.")
    for extra, needed in EXTRA_NEEDED_BY.items():
        missing = [name for name in required_by(extra) if not is_installed(name)]
        install = f'pip install -e ".[{extra}]"'
        if not missing:
            yield Check(f"extra {extra}", "ok", "installed.")
        elif needed(chosen):
            yield Check(f"extra {extra}", "wrong", f"{', '.join(missing)} is missing.", f"Run: {install}")
        else:
            yield Check(f"extra {extra}", "off", f"not installed ({install}).")


def required_by(extra: str) -> list[str]:
    marker = re.compile(rf"extra == ['\"]{extra}['\"]")
    lines = [line for line in requires("luthier") or [] if marker.search(line)]
    return [re.split(r"[\s\[<>=!~;]", line)[0] for line in lines]


def is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def binaries(_: Settings) -> Iterator[Check]:
    found = shutil.which("tesseract")
    if not found:
        yield Check("tesseract", "off", "not installed: text in pictures and scans is not read.")
        return
    try:
        told = subprocess.run([found, "--list-langs"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield Check("tesseract", "wrong", f"{found} doesn't run: {error}.", "Install it again.")
        return
    languages = ", ".join(told.stdout.split("\n")[1:]).strip(", ")
    yield Check("tesseract", "ok", f"{Path(found)} reads {languages}.")
