"""Text of pictures, by the tesseract program, where it is installed."""

import functools
import shutil
import subprocess
from pathlib import Path

from preparation.readers import Lacking, Unreadable

SECONDS = 120  # for a page
NEEDED = "install tesseract (apt install tesseract-ocr, brew install tesseract)"
PREFERRED = ("eng", "deu", "fra", "spa", "ita", "por", "nld")  # of what is installed; each costs time


@functools.cache
def program() -> str | None:
    return shutil.which("tesseract")


def is_ready() -> bool:
    return program() is not None


def needed(what: str) -> Lacking:
    return Lacking(what, f"OCR is needed: {NEEDED}")


@functools.cache
def _languages() -> str:
    listed = subprocess.run(
        [program() or "", "--list-langs"], capture_output=True, text=True, timeout=SECONDS
    )
    installed = listed.stdout.split("\n")[1:]
    return "+".join([name for name in PREFERRED if name in installed][:3]) or "eng"


def words(picture: Path | bytes) -> str:
    """The text of a picture, its paragraphs parted by blank lines. Raises Unreadable."""
    given = None if isinstance(picture, Path) else picture
    name = str(picture) if isinstance(picture, Path) else "stdin"
    command = [program() or "", name, "stdout", "-l", _languages()]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=SECONDS, env={"OMP_THREAD_LIMIT": "1"}
        )
    except subprocess.TimeoutExpired:
        raise Unreadable("OCR took too long", "give a smaller or clearer picture") from None
    if done.returncode:
        raise Unreadable("The picture could not be read", "save it as PNG") from None
    return done.stdout.decode("utf-8", "replace").replace("\f", "").strip()
