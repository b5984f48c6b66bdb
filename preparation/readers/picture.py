"""Pictures: their text by OCR, if they are of a size that a page may have."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from preparation.readers import Unreadable, ocr, undamaged
from records import Drop, Row, Source

MOST_PIXELS = 100_000_000  # a page of A3 at 600 dots per inch has 70 million
MOST_FRAMES = 200
LEAST = 24  # pixels on a side: below it is an icon


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    if not ocr.is_ready():
        raise ocr.needed("It is a picture")
    # the limit is ours: it holds before a pixel is unpacked
    Image.MAX_IMAGE_PIXELS = None
    try:
        with undamaged("picture"), Image.open(path) as picture:
            for frame in range(min(getattr(picture, "n_frames", 1), MOST_FRAMES)):
                picture.seek(frame)
                width, height = picture.size
                if width * height > MOST_PIXELS:
                    raise Unreadable(f"The picture has {width:,} x {height:,} pixels", "scale it down")
                place = Source(uri=source.uri, page=frame + 1)
                text = ""
                if min(width, height) >= LEAST:
                    written = BytesIO()
                    ImageOps.exif_transpose(picture).convert("L").save(written, "PNG", compress_level=1)
                    text = ocr.words(written.getvalue())
                yield (
                    Row(source=place, text=text)
                    if text
                    else Drop(source=place, reason="a picture without text")
                )
    except UnidentifiedImageError:
        raise Unreadable("The picture is damaged", "save it anew") from None
