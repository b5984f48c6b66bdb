"""Outlook messages, written by hand: a compound file whose streams are a message's properties.

Formats: [MS-CFB] for the file, [MS-OXMSG] for what its streams are called and hold.
"""

import struct
from datetime import UTC, datetime

SECTOR, SMALL, SHORTEST = (
    512,
    64,
    4096,
)  # bytes of a sector, of a small one, and of a stream that needs no small ones
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STRING, TIME = 0x001F, 0x0040
SUBJECT, BODY, SENT, HEADERS, SENDER, ADDRESS, ID, ANSWERS = (
    0x0037, 0x1000, 0x0039, 0x007D, 0x0C1A, 0x5D01, 0x1035, 0x1042,
)  # fmt: skip


def message(sent: datetime | None = None, **properties: str) -> bytes:
    """With properties by their names here: `message(SUBJECT="…", BODY="…")`."""
    entries, streams = b"", {}
    for name, value in properties.items():
        number = globals()[name]
        written = value.encode("utf-16-le")
        streams[f"__substg1.0_{number:04X}{STRING:04X}"] = written
        entries += struct.pack("<HHIII", STRING, number, 6, len(written) + 2, 0)
    if sent:
        ticks = int((sent - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000
        entries += struct.pack("<HHIQ", TIME, SENT, 6, ticks)
    return compound({"__properties_version1.0": bytes(32) + entries, **streams})


def compound(streams: dict[str, bytes]) -> bytes:
    """Streams of the root, each of less than 4096 bytes or filled up to that."""
    small, large = b"", b""
    small_chain: list[int] = []
    places: dict[str, tuple[int, int]] = {}
    for name, content in streams.items():
        if len(content) >= SHORTEST:
            continue
        places[name] = (len(small) // SMALL, len(content))
        small += _filled(content or b" ", SMALL)
        first, last = places[name][0], len(small) // SMALL - 1
        small_chain += [*range(first + 1, last + 1), END]
    directory_size = -(-(1 + len(streams)) * 128 // SECTOR)
    parts = {
        "directory": directory_size * SECTOR,
        "chain": len(_filled(_numbers(small_chain), SECTOR, b"\xff")),
    }
    parts["small"] = len(_filled(small, SECTOR))
    starts, at = {}, 1
    chain = [FAT]
    for name, size in parts.items():
        starts[name] = at
        count = size // SECTOR
        chain += [*range(at + 1, at + count), END] if count else []
        at += count
    for name, content in streams.items():
        if len(content) >= SHORTEST:
            places[name] = (at, len(content))
            count = -(-len(content) // SECTOR)
            chain += [*range(at + 1, at + count), END]
            large += _filled(content, SECTOR)
            at += count
    assert len(chain) <= SECTOR // 4, "more than one sector of chains"
    directory = _entry("Root Entry", 5, starts["small"], len(small), child=1)
    for number, name in enumerate(places, 1):
        directory += _entry(name, 2, *places[name], right=number + 1 if number < len(places) else FREE)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack(
        "<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, starts["directory"], 0, SHORTEST,
        starts["chain"], parts["chain"] // SECTOR, END, 0, 0,
    )  # fmt: skip
    return b"".join(
        (
            _filled(header, SECTOR, b"\xff"),
            _filled(_numbers(chain), SECTOR, b"\xff"),
            _filled(directory, SECTOR),
            _filled(_numbers(small_chain), SECTOR, b"\xff"),
            _filled(small, SECTOR),
            large,
        )
    )


def _filled(content: bytes, size: int, filling: bytes = b"\x00") -> bytes:
    return content + filling * (-len(content) % size)


def _numbers(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _entry(name: str, kind: int, start: int, size: int, child: int = FREE, right: int = FREE) -> bytes:
    written = name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16xI16xIQ", written, len(written) + 2, kind, 1, FREE, right, child, 0, start, size
    )
