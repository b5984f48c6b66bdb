import gzip
import io
import zipfile
from pathlib import Path

import pytest

from preparation.readers import Unreadable, unread
from preparation.readers.detection import format_of

RECORDS = b'{"q": "a"}\n{"q": "b"}\n'


def named(folder: Path, content: bytes, ending: str) -> str:
    path = folder / "file"
    path.write_bytes(content)
    return format_of(path, ending)


@pytest.mark.parametrize(
    ("content", "ending", "format"),
    [
        (RECORDS, ".txt", "jsonl"),
        (RECORDS, ".json", "jsonl"),
        (RECORDS, ".csv", "jsonl"),
        (RECORDS.decode().encode("utf-16"), ".jsonl", "jsonl"),
        (b'{"q": "a"},\n{"q": "b"},\n', ".jsonl", "jsonl"),
        (b'{"q": "a"}', ".jsonl", "jsonl"),
        (b'{"q": "a"}', ".txt", "json_document"),
        (b'[\n{"q": "a"},\n{"q": "b"}\n]', ".json", "json_document"),
        (b'{\n "q": "a"\n}\n{\n "q": "b"\n}', ".jsonl", "json_document"),
        (b"[link](to) is how it starts\n", ".md", "markdown"),
        (b"a,b\n1,2\n", ".csv", "table"),
        ("a,b\n1,2\n".encode("utf-16"), ".csv", "table"),
        (b"name\tplace\n" + b"someone\tthere\n" * 4, ".txt", "table"),
        (b"No, no, no\nYes, yes, yes\n" * 4, ".txt", "text"),
        (b"# Heading", "", "text"),
        (b"# Heading", ".md", "markdown"),
        (b"plain", ".unheard", "text"),
        (b"%PDF-1.7\n\x00\x01", ".txt", "pdf"),
        (b"junk\n%PDF-1.7\n", ".pdf", "pdf"),
        (b"The bytes %PDF- begin a PDF", ".txt", "text"),
    ],
)
def test_content_decides_and_the_ending_breaks_the_tie(
    folder: Path, content: bytes, ending: str, format: str
) -> None:
    assert named(folder, content, ending) == format


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "application/epub+zip" if name == "mimetype" else "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "ending", "reason"),
    [
        (b"", ".txt", "The file is empty."),
        (b" \n\t\n", ".txt", "The file is empty; it holds only white space."),
        (b"\xef\xbb\xbf", ".csv", "The file is empty"),
        (zipped("word/document.xml"), ".docx", "Word documents are not read yet; save it as PDF or text."),
        (zipped("word/document.xml"), ".txt", "Word documents"),
        (zipped("xl/workbook.xml"), ".csv", "Excel workbooks are not read yet; save the sheet as CSV."),
        (zipped("ppt/slides.xml"), ".pptx", "PowerPoint"),
        (zipped("mimetype", "x.opf"), ".epub", "E-books"),
        (zipped("a.txt"), ".zip", "Zip archives are not read; unpack it"),
        (zipped("a.txt")[:40], ".zip", "Zip archives"),
        (gzip.compress(RECORDS), ".jsonl", "Packed files are not read; unpack"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ".txt", "Pictures are not read; "),
        (b"<!DOCTYPE html><html></html>", ".txt", "Web pages are not read yet"),
        (b"<p>words</p>", ".html", "Web pages"),
        (b"<?xml version='1.0'?><a/>", ".txt", "XML is not read yet"),
        (b"{\\rtf1 hello}", ".doc", "RTF documents"),
        (b"From: someone\n\nHello", ".eml", "Mail is not read yet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", ".doc", "Word documents"),
        (b"\x00\x01\x02\x03" * 50, ".txt", "The file is neither text nor of a kind that is known"),
        (b"\x00\x01\x02\x03" * 50, ".mp3", "Sound and video"),
    ],
)
def test_what_is_not_read_is_told_with_a_remedy(
    folder: Path, content: bytes, ending: str, reason: str
) -> None:
    with pytest.raises(Unreadable) as error:
        named(folder, content, ending)
    assert str(error.value).startswith(reason)


def test_every_refusal_is_a_sentence_with_a_remedy() -> None:
    for kind in unread.KINDS:
        reason = unread.refusal(kind)
        assert reason.hint
        assert str(reason)[0].isupper()
        assert str(reason).endswith(".")
