"""Copies of a file as disks, mails and half downloads leave them, and as someone with bad intent might."""

import io
import random
import zipfile
from contextlib import suppress

WHOLE_PARTS = 4096  # bytes of a part that is moved, doubled or lost, at most


def damaged(content: bytes, chance: random.Random) -> bytes:
    """One to four injuries; of zip archives, as most office files are, half inside a member."""
    if content[:2] == b"PK" and chance.random() < 0.5:
        with suppress(zipfile.BadZipFile):
            return _inside(content, chance)
    return _hurt(content, chance)


def _hurt(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if changed:
            chance.choice((_cut, _flip, _lose, _double, _swap, _overwrite))(changed, chance)
    return bytes(changed)


def _inside(content: bytes, chance: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(stream, "w") as copy:
        names = [name for name in whole.namelist() if not name.endswith("/")]
        victim = chance.choice(names) if names else ""
        for name in names:
            member = whole.read(name)
            copy.writestr(name, _hurt(member, chance) if name == victim else member)
    return stream.getvalue()


def _span(changed: bytearray, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(changed))
    return start, min(len(changed), start + chance.randint(1, WHOLE_PARTS))


def _cut(changed: bytearray, chance: random.Random) -> None:
    del changed[chance.randrange(len(changed)) :]


def _flip(changed: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 5, 50))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)


def _lose(changed: bytearray, chance: random.Random) -> None:
    start, end = _span(changed, chance)
    del changed[start:end]


def _double(changed: bytearray, chance: random.Random) -> None:
    start, end = _span(changed, chance)
    changed[start:start] = changed[start:end]


def _swap(changed: bytearray, chance: random.Random) -> None:
    start, end = _span(changed, chance)
    part = changed[start:end]
    del changed[start:end]
    place = chance.randint(0, len(changed))
    changed[place:place] = part


def _overwrite(changed: bytearray, chance: random.Random) -> None:
    start, end = _span(changed, chance)
    filling = chance.choice((b"\x00", b"\xff", b"<", b"(", b"9", b"\n"))
    changed[start:end] = filling * (end - start)
