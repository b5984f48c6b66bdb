"""PowerPoint, by python-pptx: each slide under its title, lists and tables as Markdown, notes last."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pptx
from pptx.util import Emu

from preparation.readers import MISREADS, Unreadable, package, undamaged
from preparation.readers.document import Block, rows, table
from records import Drop, Row, Source

DEEPEST = 8  # groups in groups
FURNITURE = ("DATE", "FOOTER", "SLIDE_NUMBER", "HEADER")  # placeholders that repeat on every slide


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with undamaged("presentation"):
        package.opened(path, "presentation").close()
        presentation = pptx.Presentation(str(path))
        slides = list(presentation.slides)
    yield from rows(_all(slides), source)


def _all(slides: Iterable[Any]) -> Iterator[Block]:
    broken = 0
    number = 0
    for number, slide in enumerate(slides, 1):
        try:
            blocks = list(_slide(slide, number))
        except MISREADS:
            broken += 1
            continue
        yield from blocks
    if broken and broken == number:
        raise Unreadable("The presentation is damaged", "open it in its program and save it anew")


def _slide(slide: Any, number: int) -> Iterator[Block]:
    title = slide.shapes.title
    name = " ".join(title.text_frame.text.split()) if title is not None else ""
    yield Block(name or f"Slide {number}", 1, number)
    for shape in _ordered(slide.shapes, 0):
        if title is None or shape.shape_id != title.shape_id:
            for text in _shape(shape):
                yield Block(text, 0, number)
    if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None:
        yield Block("\n\n".join(_paragraphs(frame, bullets=False)), 0, number)


def _ordered(shapes: Iterable[Any], depth: int) -> Iterator[Any]:
    """Shapes as they are read: from top to bottom, then from left to right; those of a group together."""
    placed = sorted(shapes, key=lambda shape: (int(shape.top or Emu(0)), int(shape.left or Emu(0))))
    for shape in placed:
        if hasattr(shape, "shapes"):
            if depth < DEEPEST:
                yield from _ordered(shape.shapes, depth + 1)
        else:
            yield shape


def _shape(shape: Any) -> Iterator[str]:
    if shape.is_placeholder and str(shape.placeholder_format.type).startswith(FURNITURE):
        return
    if getattr(shape, "has_table", False):
        yield table([cell.text for cell in row.cells] for row in shape.table.rows)
    elif getattr(shape, "has_chart", False):
        yield _chart(shape.chart)
    elif shape.has_text_frame:
        kind = str(shape.placeholder_format.type) if shape.is_placeholder else ""
        lines = list(_paragraphs(shape.text_frame, bullets=kind.startswith(("OBJECT", "BODY"))))
        marked = lines and all(line.lstrip().startswith("- ") for line in lines)
        yield ("\n" if marked else "\n\n").join(lines)


def _paragraphs(frame: Any, bullets: bool) -> Iterator[str]:
    """Its paragraphs; as a list where they are points: more than one, or one that is indented."""
    filled = [item for item in frame.paragraphs if item.text.strip()]
    points = (bullets and len(filled) > 1) or any(item.level for item in filled)
    for item in filled:
        words = " ".join(item.text.split())
        yield f"{'  ' * item.level}- {words}" if points else words


def _chart(chart: Any) -> str:
    plot = chart.plots[0]
    series = list(plot.series)
    header = ["", *(str(one.name) for one in series)]
    columns = [list(one.values) for one in series]
    return table(
        [
            header,
            *(
                [str(name), *map(str, values)]
                for name, *values in zip(plot.categories, *columns, strict=False)
            ),
        ]
    )
