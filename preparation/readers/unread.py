"""Formats that are known and not read: how to tell them, and what a person can do instead."""

from collections.abc import Sequence

from preparation.readers import Unreadable

PDF_OR_TEXT = "save it as PDF or text"
# kind: what it is, what to do, its endings
KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "word": ("Word documents are not read yet", PDF_OR_TEXT, (".doc", ".docx", ".docm", ".dotx")),
    "excel": (
        "Excel workbooks are not read yet",
        "save the sheet as CSV",
        (".xls", ".xlsx", ".xlsm", ".xlsb"),
    ),
    "powerpoint": ("PowerPoint presentations are not read yet", "save it as PDF", (".ppt", ".pptx", ".pptm")),
    "opendocument": (
        "OpenDocument files are not read yet",
        "save it as PDF or text, a sheet as CSV",
        (".odt", ".ods", ".odp"),
    ),
    "office": ("Old Office and Outlook files are not read yet", PDF_OR_TEXT, (".msg",)),
    "epub": ("E-books are not read yet", PDF_OR_TEXT, (".epub", ".mobi", ".azw3")),
    "rtf": ("RTF documents are not read yet", PDF_OR_TEXT, (".rtf",)),
    "html": (
        "Web pages are not read yet",
        "save it as PDF, text or Markdown",
        (".html", ".htm", ".xhtml", ".mht"),
    ),
    "xml": ("XML is not read yet", "convert it to JSON, CSV or text", (".xml", ".xsl")),
    "mail": ("Mail is not read yet", "save its text in a .txt file", (".eml", ".mbox")),
    "picture": (
        "Pictures are not read",
        "turn its text into a PDF or text file by OCR",
        (
            ".png",
            ".jpg",
            ".jpeg",
            ".gif",
            ".bmp",
            ".tif",
            ".tiff",
            ".webp",
            ".heic",
            ".ico",
            ".svg",
            ".ps",
            ".eps",
        ),
    ),
    "recording": (
        "Sound and video are not read",
        "give a transcript as text",
        (".mp3", ".wav", ".flac", ".ogg", ".m4a", ".mp4", ".mov", ".avi", ".mkv", ".webm"),
    ),
    "zip": ("Zip archives are not read", "unpack it and give the folder", (".zip", ".jar", ".whl")),
    "packed": (
        "Packed files are not read",
        "unpack it and give what is inside",
        (".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".tgz", ".lz4"),
    ),
    "columns": (
        "Parquet, Arrow and Avro are not read yet",
        "export it as JSONL or CSV",
        (".parquet", ".arrow", ".feather", ".avro", ".orc"),
    ),
    "database": (
        "Databases are not read",
        "export the table as CSV or JSONL",
        (".sqlite", ".sqlite3", ".db", ".mdb"),
    ),
    "binary": (
        "The file is neither text nor of a kind that is known",
        "save it as PDF, text, CSV or JSONL",
        (),
    ),
}
MAGIC: dict[str, tuple[bytes, ...]] = {
    "zip": (b"PK\x03\x04", b"PK\x05\x06"),
    "office": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    "rtf": (b"{\\rtf",),
    "picture": (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"%!PS"),
    "recording": (b"OggS\x00", b"ID3\x02", b"ID3\x03", b"ID3\x04", b"fLaC\x00", b"\x1aE\xdf\xa3"),
    "packed": (b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a"),
    "columns": (b"PAR1", b"ARROW1", b"Obj\x01"),
    "database": (b"SQLite format 3\x00",),
}
MEMBERS = (("word/", "word"), ("xl/", "excel"), ("ppt/", "powerpoint"))
HTML = ("<!doctype html", "<html")
XML = ("<?xml", "<!doctype ")


def refusal(kind: str) -> Unreadable:
    reason, hint, _ = KINDS[kind]
    return Unreadable(reason, hint)


def by_ending(ending: str) -> str | None:
    return next((kind for kind, (_, _, endings) in KINDS.items() if ending in endings), None)


def by_bytes(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return "picture" if head[8:12] == b"WEBP" else "recording"
    if head[4:8] == b"ftyp":
        return "picture" if head[8:11] in (b"hei", b"mif", b"avi") else "recording"
    if head[257:262] == b"ustar" or (head[:3] == b"BZh" and head[4:10] == b"1AY&SY"):
        return "packed"
    return next((kind for kind, magic in MAGIC.items() if head.startswith(magic)), None)


def by_members(names: Sequence[str], mimetype: str) -> str:
    """What a zip archive is, by the names in it and its member `mimetype`."""
    if "epub" in mimetype:
        return "epub"
    if "opendocument" in mimetype:
        return "opendocument"
    return next((kind for folder, kind in MEMBERS if any(name.startswith(folder) for name in names)), "zip")


def by_text(beginning: str) -> str | None:
    start = beginning.lstrip("\ufeff \t\r\n")[:200].casefold()
    if start.startswith(XML) or start.startswith(HTML):
        return "html" if any(mark in beginning.casefold() for mark in HTML) else "xml"
    return None
