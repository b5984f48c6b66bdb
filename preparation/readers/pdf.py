"""PDF: a row for each page, its line breaks kept. PDFium reads first (it is faster, and ligatures, tables and
Asian scripts come out better); pypdf where PDFium gives up.
"""

import logging
import re
import threading
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pypdf
import pypdf.errors
import pypdfium2
from pypdfium2 import raw

from preparation.readers import Unreadable, excerpt, ocr
from preparation.readers.pdf_columns import in_columns
from records import Drop, Row, Source

PDFIUM = threading.Lock()  # the library is not made for threads
MISREADS = (  # what pypdf is known to raise over broken files
    pypdf.errors.PyPdfError, pypdf.errors.DependencyError, ArithmeticError, AssertionError, AttributeError,
    LookupError, NotImplementedError, OSError, RecursionError, TypeError, ValueError, zlib.error,
)  # fmt: skip
DOTS = 300  # an inch: what tesseract reads best
MOST_PIXELS = 50_000_000
PICTURE, EMPTY = "a page that is only a picture", "a page without text"
GARBLED, DAMAGED = "a page whose fonts hide its letters", "a damaged page"
HYPHEN = re.compile(r"(\w+)[\x02\ufffe](\w+)")  # PDFium's mark of one at the end of a line
RAISED = re.compile(r"\n(\d{1,2}|[*†‡§∗])\n(?=[,.;:)])")
HIDDEN = re.compile(r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]")

# what it would complain of is in our own reports
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    reasons: set[str] = set()
    for number, (text, reason) in enumerate(_pages(path), 1):
        place = Source(uri=source.uri, page=number)
        if reason in (PICTURE, GARBLED) and ocr.is_ready():
            text = plain(ocr.words(_drawn(path, number - 1)))
            reason = "" if text else "a picture without text"
        reasons.add(reason)
        if reason:
            yield Drop(source=place, reason=reason, excerpt=excerpt(text))
        else:
            yield Row(source=place, text=text)
    if PICTURE in reasons and reasons <= {PICTURE, EMPTY}:
        raise ocr.needed("It holds only pictures of pages")
    if reasons == {DAMAGED}:
        raise _damaged()


def _damaged() -> Unreadable:
    return Unreadable("The PDF is damaged", "open it in a PDF viewer and save it anew")


def _locked() -> Unreadable:
    return Unreadable("It needs a password", "save a copy without one")


def _pages(path: Path) -> Iterator[tuple[str, str]]:
    """The text of each page, and if it is of no use why."""
    with PDFIUM:
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            if error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
                raise _locked() from None
            document = None
    spare = _Spare(path)
    if document is None:
        yield from (spare.page(index) for index in range(spare.pages()))
        return
    try:
        for index in range(len(document)):
            yield _by_pdfium(document, index) or spare.page(index)
    finally:
        with PDFIUM:
            document.close()


def _by_pdfium(document: pypdfium2.PdfDocument, index: int) -> tuple[str, str] | None:
    with PDFIUM:
        try:
            page = document[index]
            written = page.get_textpage()
            text = plain(in_columns(written) or written.get_text_bounded())
            pictures = not text and any(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4))
            page.close()
        except pypdfium2.PdfiumError:
            return None
    return text, PICTURE if pictures else _fault(text)


def _drawn(path: Path, index: int) -> bytes:
    """A page as a grey picture, in the simplest of formats. Raises Unreadable."""
    with PDFIUM:
        try:
            document = pypdfium2.PdfDocument(path)
            page = document[index]
            scale = min(DOTS / 72, (MOST_PIXELS / max(1.0, page.get_width() * page.get_height())) ** 0.5)
            bitmap = page.render(scale=scale, grayscale=True)
            lines = bytes(bitmap.buffer)
            width, height, stride = bitmap.width, bitmap.height, bitmap.stride
            document.close()
        except pypdfium2.PdfiumError:
            raise _damaged() from None
    dots = b"".join(lines[at * stride : at * stride + width] for at in range(height))
    return b"P5 %d %d 255\n" % (width, height) + dots


class _Spare:
    """pypdf's view of the file, opened when it is needed."""

    def __init__(self, path: Path):
        self.path = path

    @cached_property
    def book(self) -> pypdf.PdfReader:
        return pypdf.PdfReader(self.path)

    def pages(self) -> int:
        """Raises Unreadable."""
        try:
            if self.book.is_encrypted and not self.book.decrypt(""):
                raise _locked()
            return len(self.book.pages)
        except MISREADS:
            raise _damaged() from None

    def page(self, index: int) -> tuple[str, str]:
        try:
            text = plain(self.book.pages[index].extract_text())
        except MISREADS:
            return "", DAMAGED
        return text, _fault(text)


def _fault(text: str) -> str:
    if not text:
        return EMPTY
    return GARBLED if len(HIDDEN.findall(text)) * 3 > len("".join(text.split())) else ""


def plain(text: str) -> str:
    """The page's text with one kind of line break, parted words whole, raised figures beside their word."""
    text = _rejoined(text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", ""))
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return RAISED.sub(r"\1", re.sub(r"\n{3,}", "\n\n", text)).strip()


def _rejoined(text: str) -> str:
    """Without PDFium's marks: it sets one for every hyphen at a line's end, be it the word's own or not."""
    parted = HYPHEN.findall(text)
    words = frozenset(re.findall(r"\w+(?:-\w+)*", HYPHEN.sub(" ", text).casefold()))
    hyphenates = len(parted) > 2 and len(parted) > text.count("\n") / 20

    def join(match: re.Match[str]) -> str:
        left, right = match.groups()
        whole, compound = (left + right).casefold(), f"{left}-{right}".casefold()
        own = compound in words or not right[0].islower() or {left.casefold(), right.casefold()} <= words
        return left + right if whole in words or (hyphenates and not own) else f"{left}-{right}"

    return re.sub("[\x02\ufffe]", "-", HYPHEN.sub(join, text))
