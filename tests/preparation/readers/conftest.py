"""A file of given bytes, read as its bytes and ending suggest; and PDFs written by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from preparation import readers
from preparation.readers import Member, ocr
from records import Source

Read = Callable[[str, str | bytes], list[Any]]


def taken(member: Member) -> bytes | str | None:
    try:
        return member.fault or member.stream.read()
    except readers.MISREADS:
        return None


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    folder = tmp_path_factory.mktemp("read")

    def read(name: str, content: str | bytes) -> list[Any]:
        """Rows, drops, and of members their name and content, or their fault, or nothing if it is damaged."""
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        items = readers.read(path, Source(uri=f"/data/{name}"))
        return [(item.name, taken(item)) if isinstance(item, Member) else item for item in items]

    return read


@pytest.fixture(scope="session")
def pdf() -> Callable[..., bytes]:
    """Makes a PDF of pages: lines of text, "" for an empty page, None for a page with a picture alone."""

    def pdf(*pages: str | None, broken: int | None = None) -> bytes:
        objects = {
            1: b"<</Type/Catalog/Pages 2 0 R>>",
            3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            4: b"<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8"
            b"/Length 1>>stream\n\x80\nendstream",
        }
        kids = []
        for at, text in enumerate(pages):
            page, content = 10 + 2 * at, 11 + 2 * at
            kids.append(f"{page} 0 R")
            objects[page] = (
                f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {content} 0 R"
                "/Resources<</Font<</F 3 0 R>>/XObject<</I 4 0 R>>>>>>"
            ).encode()
            stream = b"q 600 0 0 700 0 0 cm /I Do Q" if text is None else _drawn(text)
            objects[content] = b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream)
            if at == broken:
                objects[page] = b"<<]] nothing >>"
        objects[2] = f"<</Type/Pages/Count {len(pages)}/Kids[{' '.join(kids)}]>>".encode()
        return _written(objects)

    return pdf


def _drawn(text: str) -> bytes:
    lines = " T* ".join(f"({line}) Tj" for line in text.split("\n"))
    return f"BT /F 12 Tf 14 TL 72 700 Td {lines} ET".encode("cp1252") if text else b""


def _written(objects: dict[int, bytes]) -> bytes:
    document, places = b"%PDF-1.4\n", {}
    for number, content in sorted(objects.items()):
        places[number] = len(document)
        document += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = "".join(
        f"{places[number]:010} 00000 n \n" if number in places else "0000000000 65535 f \n"
        for number in range(max(places) + 1)
    )
    size = max(places) + 1
    trailer = (
        f"xref\n0 {size}\n{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{len(document)}\n%%EOF\n"
    )
    return document + trailer.encode()


@pytest.fixture
def without_tesseract(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ocr.program.cache_clear()
    monkeypatch.setenv("PATH", "/nowhere")
    yield
    ocr.program.cache_clear()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")
