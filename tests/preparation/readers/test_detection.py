import gzip
import io
import zipfile
from itertools import count
from pathlib import Path

import pytest

from preparation.readers import Unreadable, unread
from preparation.readers.detection import format_of, text_format

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
        (b"text|queue\n" + b"where is it|delivery\n" * 4, ".txt", "table"),
        (b"note,queue\n" + b"where is it,delivery\n" * 4, ".xlsx", "table"),
        (b"note,queue\n" + b"where is it,delivery\n" * 4, ".txt", "text"),
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


def word() -> bytes:
    return zipped("[Content_Types].xml", "word/document.xml")


@pytest.mark.parametrize(
    ("content", "ending", "format"),
    [
        (word(), ".docx", "word"),
        (word(), ".txt", "word"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), ".csv", "workbook"),
        (zipped("[Content_Types].xml", "ppt/slides.xml"), "", "slides"),
        (zipped("mimetype", "META-INF/container.xml"), ".zip", "epub"),
        (zipped("word/letter.txt"), ".zip", "archive"),
        (word()[:40], ".docx", "word"),
        (word()[:40], ".zip", "archive"),
        (gzip.compress(RECORDS), ".jsonl", "archive"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ".txt", "picture"),
        (b"<!DOCTYPE html><html></html>", ".txt", "html"),
        (b"<p>words</p>", ".html", "html"),
        (b"<?xml version='1.0'?><html xmlns='x'/>", ".xml", "html"),
        (b"<?xml version='1.0'?><a/>", ".txt", "xml"),
        (b"{\\rtf1 hello}", ".doc", "rtf"),
        (b"From: someone\n\nHello", ".eml", "mail"),
        (b"From: a\nTo: b\nSubject: c\nDate: d\n\nHello", ".txt", "mail"),
        (b"From a@example.org Mon Mar 2 10:00:00 2026\nSubject: x\n\nHello", "", "mailbox"),
        (b"From: here to there\n\nHello", ".txt", "text"),
        (b"#!/bin/sh\necho hello\n", "", "code"),
        (b"a = 1\n", ".py", "code"),
        (b'{"cells": []}', ".ipynb", "notebook"),
        (b"PAR1\x00\x00", "", "columns"),
        (b"\x00\x01\x02\x03" * 50, ".xlsx", "workbook"),
    ],
    ids=count(),  # content that holds the time would be another test in each process
)
def test_documents_are_known_by_what_they_hold(
    folder: Path, content: bytes, ending: str, format: str
) -> None:
    assert named(folder, content, ending) == format


@pytest.mark.parametrize(
    ("content", "ending", "reason"),
    [
        (b"", ".txt", "The file is empty."),
        (b" \n\t\n", ".txt", "The file is empty; it holds only white space."),
        (b"\xef\xbb\xbf", ".csv", "The file is empty"),
        (b"7z\xbc\xaf\x27\x1c", ".7z", "Archives of this kind are not read; unpack it"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", ".svg", "Drawings"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", ".doc", "The file is damaged; open it"),
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


@pytest.mark.parametrize("content", [word(), b"%PDF-1.4", b"\x00\x01\x02" * 50, b""])
def test_what_can_be_no_plain_text_is_not_looked_into(folder: Path, content: bytes) -> None:
    (folder / "file").write_bytes(content)
    assert text_format(folder / "file", ".txt") == ""


def test_every_refusal_is_a_sentence_with_a_remedy() -> None:
    for kind in unread.KINDS:
        reason = unread.refusal(kind)
        assert reason.hint
        assert str(reason)[0].isupper()
        assert str(reason).endswith(".")


def test_a_label_a_tab_and_a_text_make_a_table_without_a_header(read) -> None:
    lines = [f"{('ham', 'spam')[n % 2]}\tWill you come to the quay at {n} o'clock?" for n in range(12)]
    rows = read("SMSCollection", "\n".join(lines))
    assert [row.fields["column_1"] for row in rows] == ["ham", "spam"] * 6
    notes = [f"Note {n}: it was fine.\tAnd {n} people said so, at noon." for n in range(12)]
    assert not any(row.fields for row in read("notes.txt", "\n".join(notes)))
