"""Which reader a file wants: its first bytes decide, then its first lines, and its ending breaks the tie."""

import json
import re
import zipfile
from pathlib import Path

from preparation.readers import ENDINGS, MISREADS, Unreadable, unread
from preparation.readers.dialect import COLUMNS, NAME
from preparation.readers.encoding import BLOCK, encoding_of, marked_encoding, open_text
from preparation.readers.fasttext import BEGINS as FASTTEXT
from preparation.readers.subtitles import BEGINS as SUBTITLES

HEAD = 1 << 13
LINES = 50
LABELLED = 10  # lines of a label, a tab and a text that make a table without a header
ZIP, OLE = "zip", "ole"  # what they hold decides
SECTORS = (
    b"\x09\x00\x06\x00",
    b"\x0c\x00\x06\x00",
)  # of 512 or 4096 bytes, small ones of 64: there are no others
MAGIC = (
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"{\\rtf", "rtf"),
    (b"SQLite format 3\x00", "database"),
    (b"PAR1", "columns"),
    (b"ARROW1", "columns"),
    (b"\x1f\x8b\x08", "archive"),
    (b"\xfd7zXZ\x00", "archive"),
    (b"\x89PNG\r\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF8", "picture"),
    (b"II*\x00", "picture"),
    (b"MM\x00*", "picture"),
)
LOOSE = 1024  # bytes that may stand before the mark of a PDF
MEMBERS = (("word/", "word"), ("xl/", "workbook"), ("ppt/", "slides"))
MIMETYPES = (
    ("epub", "epub"),
    ("opendocument.text", "opendocument"),
    ("opendocument.presentation", "opendocument"),
    ("opendocument.spreadsheet", "workbook"),
)
STREAMS = (
    ("EncryptedPackage", None, "locked"),
    ("WordDocument", None, "old word"),
    ("PowerPoint Document", None, "old powerpoint"),
    ("__properties_version1.0", "outlook", ""),
    ("Workbook", "workbook", ""),
    ("Book", "workbook", ""),
)
HTML = ("<!doctype html", "<html")
XML = ("<?xml", "<!doctype ")
HEADER = re.compile(
    r"(?:From|To|Cc|Subject|Date|Received|Return-Path|Message-ID|MIME-Version|Delivered-To|Reply-To): ", re.I
)
MAILBOX = re.compile(r"From \S+ .*\d{4}\s*\n[\w-]+: ")
NAMED_BY_TEXT = frozenset(
    ("text", "table", "markdown", "html", "xml", "mail", "mailbox", "jsonl", "json_document")
)
TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1a\x1b")


def format_of(path: Path, ending: str) -> str:
    """The name of the reader. Raises Unreadable for what none can read."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if not head:
        raise Unreadable("The file is empty")
    if name := _by_magic(path, head, ending):
        return name
    if kind := unread.by_bytes(head):
        raise unread.refusal(kind)
    if is_binary(head):
        name = _promised(ending)
        if name in (
            "pdf",
            "word",
            "slides",
            "workbook",
            "epub",
            "opendocument",
            "columns",
            "picture",
            "archive",
        ):
            return name  # it says best what is wrong
        raise unread.refusal(unread.by_ending(ending) or "binary")
    return _text_format(path, ending)


def text_format(path: Path, ending: str) -> str:
    """The same for what can only be text; nothing for anything else, which is not looked into."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    binary = (
        not head
        or is_binary(head)
        or any(magic in head[:LOOSE] for magic, _ in MAGIC)
        or unread.by_bytes(head)
    )
    return "" if binary else _text_format(path, ending)


def _promised(ending: str) -> str:
    return next((name for name, endings in ENDINGS.items() if ending in endings), "")


def _by_magic(path: Path, head: bytes, ending: str) -> str:
    for magic, name in MAGIC:
        if name == "pdf":
            if magic in head[:LOOSE] and (ending == ".pdf" or head.lstrip().startswith(magic)):
                return name
        elif head.startswith(magic):
            return {ZIP: _zipped, OLE: _ole}[name](path, ending) if name in (ZIP, OLE) else name
    if head[257:262] == b"ustar" or (head[:3] == b"BZh" and head[4:10] == b"1AY&SY"):
        return "archive"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "picture"
    return "picture" if head.startswith(b"BM") and is_binary(head) else ""


def _zipped(path: Path, ending: str) -> str:
    """Which format it is that comes as a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            mimetype = archive.read("mimetype")[:80].decode("latin-1") if "mimetype" in names else ""
    except MISREADS:
        promised = _promised(ending)
        return promised if promised in {name for _, name in (*MEMBERS, *MIMETYPES)} else "archive"
    if "META-INF/container.xml" in names and "epub" in mimetype + ending:
        return "epub"
    found = (name for part, name in MIMETYPES if part in mimetype)
    by_member = (
        name
        for folder, name in MEMBERS
        if "[Content_Types].xml" in names and any(member.startswith(folder) for member in names)
    )
    return next(found, None) or next(by_member, "archive")


def _ole(path: Path, ending: str) -> str:
    """Which Office or Outlook file it is. Raises Unreadable for those of no reader."""
    import olefile

    damaged = Unreadable("The file is damaged", "open it in its program and save it anew")
    with open(path, "rb") as file:
        if file.read(34)[30:] not in SECTORS:
            raise damaged  # olefile would ask for as much memory as the file says
    try:
        with olefile.OleFileIO(path) as storage:
            for stream, reader, kind in STREAMS:
                if storage.exists(stream):
                    if reader:
                        return reader
                    raise unread.refusal(kind)
    except MISREADS as error:
        raise damaged from error
    raise unread.refusal(unread.by_ending(ending) or "office")


def is_binary(head: bytes) -> bool:
    if marked_encoding(head):
        return False
    controls = sum(byte < 32 and byte not in TEXT_CONTROLS for byte in head)
    return head.count(0) > len(head) / 100 or controls > len(head) / 20


def _text_format(path: Path, ending: str) -> str:
    encoding = encoding_of(path)
    with open_text(path, encoding) as file:
        text = file.read(BLOCK)
        while not _bare(text) and (more := file.read(BLOCK)):
            text = more
    if len(text) == BLOCK and "\n" in text:
        text = text[: text.rindex("\n")]
    text = _bare(text)
    if not text:
        raise Unreadable("The file is empty", "it holds only white space")
    promised = _promised(ending)
    if promised in ("code", "notebook", "restructured", "org", "yaml_document", "sql_dump"):
        return promised
    if marked := _marked_up(text, promised):
        return marked
    if kind := unread.by_ending(ending):
        raise unread.refusal(kind)
    if name := _json_format(path, encoding, text, ending):
        return name
    if promised in ("", "text", "workbook") and looks_tabular(text, called_table=promised == "workbook"):
        return "table"
    if promised in NAMED_BY_TEXT:
        return promised
    return "code" if text.startswith("#!/") else "text"


def _marked_up(text: str, promised: str) -> str:
    """Whether it is a page, XML or mail, whatever it is called."""
    start = text[:200].casefold()
    if start.startswith((*XML, *HTML)):
        if "<svg" in start:
            raise unread.refusal("drawing")
        return "html" if any(mark in text[:LOOSE].casefold() for mark in HTML) else "xml"
    if promised in ("", "text", "fasttext") and FASTTEXT.match(text):
        return "fasttext"
    if promised in ("", "text", "subtitles") and SUBTITLES.match(text):
        return "subtitles"
    if MAILBOX.match(text) and promised != "mail":
        return "mailbox"
    if promised in ("", "text") and sum(map(bool, map(HEADER.match, text.split("\n", 20)[:20]))) >= 4:
        return "mail"
    return ""


def _bare(text: str) -> str:
    return text.strip("\ufeff").strip()


def _json_format(path: Path, encoding: str, text: str, ending: str) -> str | None:
    promised = next((name for name in ("jsonl", "json_document") if ending in ENDINGS[name]), None)
    if text[0] not in '{["' or (text[0] == '"' and not promised):
        return promised
    lines = _first_lines(text)
    comma = "," if text[0] == "{" else ""
    if len(lines) > 1 and sum(_is_record(line, comma) for line in lines) >= len(lines) / 2:
        return "jsonl"
    if promised == "jsonl" and not _spans_lines(text):
        return "jsonl"
    return "json_document" if promised or _is_json(path, encoding) else None


def _first_lines(text: str) -> list[str]:
    return [line for line in text.split("\n", 2 * LINES)[: 2 * LINES] if line.strip()][:LINES]


def _is_record(line: str, comma: str) -> bool:
    return isinstance(_parsed(line.strip().rstrip(comma)), (dict, list))


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _spans_lines(text: str) -> bool:
    """Whether the first JSON value goes on after the first line, be it even cut off."""
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError as error:
        end = error.pos
    except (ValueError, RecursionError):
        return False
    return "\n" in text[:end]


def _is_json(path: Path, encoding: str) -> bool:
    """Whether a file that does not call itself JSON is; only small ones are worth the look."""
    if path.stat().st_size > 64 * BLOCK:
        return False
    with open_text(path, encoding) as file:
        return isinstance(_parsed(_bare(file.read())), (dict, list))


def looks_tabular(text: str, called_table: bool = False) -> bool:
    """Whether a text is a table in disguise: as many cells in every line, three or more; two by tabs, under
    a usual name of a column, or where the file calls itself a table."""
    lines = _first_lines(text)
    for mark in "\t;|,":
        cells = [len(line.split(mark)) for line in lines]
        names = lines[0].strip().split(mark)
        usual = not COLUMNS.isdisjoint(name.strip().casefold() for name in names)
        least = 2 if mark == "\t" or usual or called_table else 3
        if len(lines) >= 5 and cells[0] >= least and len(set(cells)) == 1 and all(map(NAME.fullmatch, names)):
            return True
        if mark == "\t" and set(cells) == {2} and len(lines) >= LABELLED and _labels_texts(lines):
            return True
    return False


def _labels_texts(lines: list[str]) -> bool:
    """Whether one of two columns holds a few short values that come back, and the other one texts."""
    columns = list(zip(*(line.split("\t") for line in lines), strict=True))
    return any(
        3 * len(set(labels)) <= len(lines)
        and max(map(len, labels)) <= 40
        and 3 * len(lines) <= sum(len(text.split()) for text in texts)
        for labels, texts in (columns, columns[::-1])
    )
