"""What becomes of an error that nobody foresaw: a sentence, what to do, and its stack in a file."""

import errno
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from shutil import disk_usage

from errors import LuthierError, NotConfigured, causes
from settings import settings

FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
CLOSED = frozenset((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR))
LEFT = 1 << 22  # bytes: with less, whatever fails does so for want of room


def explained(error: Exception) -> LuthierError:
    """The error in a person's terms. Where the disk or its rights are to blame, the message says so, whatever
    met it first; else a file with the stack is named."""
    if full := _full(error):
        return NotConfigured(
            f"No space is left on the disk of {full}.",
            "Make room, or set LUTHIER_HOME to a larger disk, then run the same command again: it goes on.",
        )
    for one in causes(error):
        if isinstance(one, OSError) and one.errno in CLOSED and one.filename:
            return NotConfigured(
                f"{one.filename} can't be used: {one.strerror}.",
                "Allow this user to read and write it, or choose another place.",
            )
    if isinstance(error, UnicodeEncodeError) and any(
        "\ud800" <= letter <= "\udfff" for letter in error.object
    ):
        return LuthierError(
            "Something that was given is no valid UTF-8.",
            "Write it in UTF-8; `iconv -f latin1 -t utf8` makes it so.",
        )
    return LuthierError(
        f"Luthier failed at a point that nobody foresaw: {type(error).__name__}: {_short(error)}",
        f"Run the same command again, it goes on; if it fails again, {_kept(error)} says where.",
    )


def _full(error: Exception) -> str:
    """The place without space, if that is what is wrong."""
    places = [one.filename for one in causes(error) if isinstance(one, OSError) and one.errno in FULL]
    if places:
        return str(next(filter(None, places), "the home or of temporary files"))
    for place in (settings().root, Path(tempfile.gettempdir())):
        # a database or a server in between tells of it in words of its own
        if place.is_dir() and disk_usage(place).free < LEFT:
            return str(place)
    return ""


def _short(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{first[:300]}{'…' if len(first) > 300 else ''}"


def _kept(error: Exception) -> str:
    """The file that the stack is written to."""
    stack = "".join(traceback.format_exception(error))
    name = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}-{type(error).__name__}.txt"
    for folder in (settings().root / "errors", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(stack, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return str(folder / name)
    return f"this, for it could not be kept, says where:\n{stack}"
