import io
import shutil
import struct
import zlib

import pytest

from preparation.readers import Lacking, Unreadable

with_tesseract = pytest.mark.skipif(not shutil.which("tesseract"), reason="needs the tesseract program")


def drawn(words: str) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("L", (1000, 300), 255)
    ImageDraw.Draw(picture).text((40, 100), words, font=ImageFont.load_default(size=48), fill=0)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.usefixtures("without_tesseract")
def test_without_tesseract_the_remedy_is_named(read) -> None:
    with pytest.raises(Lacking, match="It is a picture; OCR is needed: install tesseract"):
        read("x.png", drawn("Noon"))


@with_tesseract
def test_words_in_a_picture_are_read(read) -> None:
    (row,) = read("x.png", drawn("The ferry leaves at noon"))
    assert row.text == "The ferry leaves at noon"


@with_tesseract
def test_a_giant_picture_is_refused_before_it_is_unpacked(read) -> None:
    with pytest.raises(Unreadable, match="The picture has 60,000 x 60,000 pixels"):
        read("x.png", claiming(60_000, 60_000))
