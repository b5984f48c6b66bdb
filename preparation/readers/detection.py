"""Which reader a file wants: its first bytes decide, then its first lines, and its ending breaks the tie."""

import json
import zipfile
from pathlib import Path

from preparation.readers import ENDINGS, Unreadable, unread
from preparation.readers.dialect import NAME
from preparation.readers.encoding import BLOCK, encoding_of, marked_encoding, open_text

HEAD = 1 << 13
LINES = 50
MAGIC = ((b"%PDF-", "pdf"),)
TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1a\x1b")


def format_of(path: Path, ending: str) -> str:
    """The name of the reader. Raises Unreadable for what none can read."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if not head:
        raise Unreadable("The file is empty")
    for magic, name in MAGIC:
        if magic in head[:1024] and (ending in ENDINGS[name] or head.lstrip().startswith(magic)):
            return name
    if kind := unread.by_bytes(head):
        raise unread.refusal(_known_better(kind, path, ending))
    if is_binary(head):
        if ending in ENDINGS["pdf"]:
            return "pdf"  # it says best what is wrong
        raise unread.refusal(unread.by_ending(ending) or "binary")
    return _text_format(path, ending)


def is_binary(head: bytes) -> bool:
    if marked_encoding(head):
        return False
    controls = sum(byte < 32 and byte not in TEXT_CONTROLS for byte in head)
    return head.count(0) > len(head) / 100 or controls > len(head) / 20


def _known_better(kind: str, path: Path, ending: str) -> str:
    """Which format it is that comes as a zip archive or an Office file."""
    if kind == "office":
        return unread.by_ending(ending) or kind
    if kind != "zip":
        return kind
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            kind = archive.read("mimetype")[:80].decode("latin-1") if "mimetype" in names else ""
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError):
        return "zip"
    return unread.by_members(names, kind)


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
    if kind := unread.by_text(text) or unread.by_ending(ending):
        raise unread.refusal(kind)
    if name := _json_format(path, encoding, text, ending):
        return name
    by_ending = next((name for name, endings in ENDINGS.items() if ending in endings), "text")
    if by_ending == "text" and looks_tabular(text):
        return "table"
    return "text" if by_ending == "pdf" else by_ending


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


def looks_tabular(text: str) -> bool:
    """Whether a text is a table in disguise: as many cells in every line, three or more, two by tabs."""
    lines = _first_lines(text)
    for mark, least in (("\t", 2), (";", 3), (",", 3)):
        cells = [len(line.split(mark)) for line in lines]
        named = all(map(NAME.fullmatch, lines[0].strip().split(mark)))
        if len(lines) >= 5 and cells[0] >= least and len(set(cells)) == 1 and named:
            return True
    return False
