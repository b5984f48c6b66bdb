import io
from collections.abc import Callable

import pypdf
import pytest

from preparation.readers import Unreadable
from preparation.readers.pdf import plain
from records import Drop, Row

Pdf = Callable[..., bytes]


def encrypted(content: bytes, password: str) -> bytes:
    writer = pypdf.PdfWriter(io.BytesIO(content))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def test_each_page_is_a_row_with_its_line_breaks(read, pdf: Pdf) -> None:
    rows = read("two.pdf", pdf("First line\nsecond line", "Other page"))
    assert [(row.text, row.source.page) for row in rows] == [
        ("First line\nsecond line", 1),
        ("Other page", 2),
    ]


def test_the_name_does_not_matter(read, pdf: Pdf) -> None:
    assert [row.text for row in read("scan.txt", pdf("Text"))] == ["Text"]


def test_a_password_is_asked_for_by_reason(read, pdf: Pdf) -> None:
    with pytest.raises(Unreadable, match="It needs a password; save a copy without one"):
        read("locked.pdf", encrypted(pdf("Secret"), "key"))


def test_a_pdf_that_only_forbids_changes_is_read(read, pdf: Pdf) -> None:
    assert [row.text for row in read("signed.pdf", encrypted(pdf("Open to all"), ""))] == ["Open to all"]


def test_a_cut_file_is_damaged(read, pdf: Pdf) -> None:
    with pytest.raises(Unreadable, match=r"The PDF is damaged; open it in a PDF viewer and save it anew\."):
        read("cut.pdf", pdf("Text")[:60])


def test_bytes_that_only_pretend_are_damaged(read) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        read("fake.pdf", bytes(range(256)) * 10)


@pytest.mark.usefixtures("without_tesseract")
def test_pictures_of_pages_ask_for_ocr(read, pdf: Pdf) -> None:
    with pytest.raises(Unreadable, match="It holds only pictures of pages; OCR is needed"):
        read("scan.pdf", pdf(None, None, ""))


@pytest.mark.usefixtures("without_tesseract")
def test_pages_without_text_are_dropped_and_the_others_go_on(read, pdf: Pdf) -> None:
    items = read("mixed.pdf", pdf("One", None, "", "Four"))
    assert [(item.source.page, item.reason if isinstance(item, Drop) else item.text) for item in items] == [
        (1, "One"),
        (2, "a page that is only a picture"),
        (3, "a page without text"),
        (4, "Four"),
    ]


def test_a_damaged_page_is_dropped_and_the_others_go_on(read, pdf: Pdf) -> None:
    items = read("page.pdf", pdf("One", "Two", "Three", broken=1))
    assert [item.text for item in items if isinstance(item, Row)] == ["One", "Three"]


def test_a_broken_table_of_contents_is_mended(read, pdf: Pdf) -> None:
    content = pdf("Still here").replace(b"startxref\n", b"startxref\n9")
    assert [row.text for row in read("xref.pdf", content)] == ["Still here"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("one\r\ntwo  \r\n\r\n\r\n\r\nthree\x00", "one\ntwo\n\nthree"),
        ("the well\x02known way", "the well-known way"),
        ("an important thing, impor\x02tant", "an important thing, important"),
        ("high-speed, at high\ufffespeed", "high-speed, at high-speed"),
        ("by Lucene\x02BM25", "by Lucene-BM25"),
        ("ef\x02fect and us\x02ing or train\x02ing", "effect and using or training"),
        ("end\x02", "end-"),
        ("Shen\n1\n, Zhang\n2\n, and", "Shen1, Zhang2, and"),
        ("a list:\n1\nfirst", "a list:\n1\nfirst"),
    ],
)
def test_what_line_ends_broke_is_mended(found: str, expected: str) -> None:
    assert plain(found) == expected
