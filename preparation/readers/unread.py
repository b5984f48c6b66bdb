"""Formats that are known and not read: how to tell them, and what a person can do instead."""

from preparation.readers import Unreadable

PDF_OR_TEXT = "save it as PDF or text"
# kind: what it is, what to do, its endings
KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "old word": ("Word's format of before 2007 is not read", "save it as DOCX", (".doc",)),
    "old powerpoint": ("PowerPoint's format of before 2007 is not read", "save it as PPTX", (".ppt", ".pps")),
    "office": ("It is an old Office file of a kind that is not known", PDF_OR_TEXT, ()),
    "locked": ("It needs a password", "save a copy without one", ()),
    "kindle": ("Kindle books are not read", "save it as EPUB", (".mobi", ".azw", ".azw3")),
    "drawing": (
        "Drawings and camera pictures of this kind are not read",
        "save it as PNG or PDF",
        (".svg", ".heic", ".heif", ".ico", ".ps", ".eps", ".psd"),
    ),
    "recording": (
        "Sound and video are not read",
        "give a transcript as text",
        (".mp3", ".wav", ".flac", ".ogg", ".m4a", ".mp4", ".mov", ".avi", ".mkv", ".webm"),
    ),
    "packed": (
        "Archives of this kind are not read",
        "unpack it and give the folder, or pack it as zip",
        (".7z", ".rar", ".zst", ".lz4"),
    ),
    "records": ("Avro and ORC are not read", "export it as Parquet, JSONL or CSV", (".avro", ".orc")),
    "database": (
        "Databases of this kind are not read",
        "export the table as CSV or JSONL",
        (".mdb", ".accdb"),
    ),
    "program": ("Programs are not read", "give their source code", (".exe", ".dll", ".so", ".class", ".pyc")),
    "binary": (
        "The file is neither text nor of a kind that is known",
        "save it as PDF, text, CSV or JSONL",
        (),
    ),
}
MAGIC: dict[str, tuple[bytes, ...]] = {
    "drawing": (b"%!PS", b"8BPS"),
    "recording": (b"OggS\x00", b"ID3\x02", b"ID3\x03", b"ID3\x04", b"fLaC\x00", b"\x1aE\xdf\xa3"),
    "packed": (b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a"),
    "records": (b"Obj\x01", b"ORC"),
    "database": (b"\x00\x01\x00\x00Standard Jet DB", b"\x00\x01\x00\x00Standard ACE DB"),
    "program": (b"\x7fELF", b"\xca\xfe\xba\xbe"),
}


def refusal(kind: str) -> Unreadable:
    reason, hint, _ = KINDS[kind]
    return Unreadable(reason, hint)


def by_ending(ending: str) -> str | None:
    return next((kind for kind, (_, _, endings) in KINDS.items() if ending in endings), None)


def by_bytes(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI "):
        return "recording"
    if head[4:8] == b"ftyp":
        return "drawing" if head[8:11] in (b"hei", b"mif", b"avi") else "recording"
    return next((kind for kind, magic in MAGIC.items() if head.startswith(magic)), None)
