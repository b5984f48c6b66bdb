"""PDFs whose words are known: prose in one column and in two, under a running head, with numbers of pages."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from benchmarks.scale import Writer

LEFT, TOP, LEADING = 60, 740, 13
LINES = 50  # of a column


def _page(columns: Sequence[Sequence[str]], width: int, number: int) -> str:
    """Line by line across the columns, as programs write that care for looks alone."""
    drawn = [
        f"BT /F 9 Tf {LEFT} 770 Td (Yearbook of the ferry) Tj ET",
        f"BT /F 9 Tf 300 40 Td ({number}) Tj ET",
    ]
    for at in range(LINES):
        for column, lines in enumerate(columns):
            if at < len(lines):
                x, y = LEFT + column * width, TOP - at * LEADING
                drawn.append(f"BT /F 11 Tf {x} {y} Td ({lines[at]}) Tj ET")
    return "\n".join(drawn)


def _lines(writer: Writer, width: int) -> list[str]:
    """A column of prose."""
    found: list[str] = []
    while len(found) < LINES:
        found += wrap(writer.text(6), width)
    return found[:LINES]


def one_column(path: Path, pages: int) -> str:
    writer = Writer()
    return written(path, [[_lines(writer, 80)] for _ in range(pages)])


def two_columns(path: Path, pages: int) -> str:
    writer = Writer()
    return written(path, [[_lines(writer, 38), _lines(writer, 38)] for _ in range(pages)])


def written(path: Path, pages: Sequence[Sequence[Sequence[str]]], width: int = 260) -> str:
    """Pages of columns of lines, columns so many points apart; gives back the words but head and number."""
    objects = {1: "<</Type/Catalog/Pages 2 0 R>>", 3: "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>"}
    for at, columns in enumerate(pages):
        stream = _page(columns, width, at + 1)
        objects[10 + 2 * at] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {11 + 2 * at} 0 R"
            "/Resources<</Font<</F 3 0 R>>>>>>"
        )
        objects[11 + 2 * at] = f"<</Length {len(stream)}>>stream\n{stream}\nendstream"
    kids = " ".join(f"{10 + 2 * at} 0 R" for at in range(len(pages)))
    objects[2] = f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>"
    document, places = b"%PDF-1.4\n", {}
    for number, content in sorted(objects.items()):
        places[number] = len(document)
        document += f"{number} 0 obj\n{content}\nendobj\n".encode()
    size = max(places) + 1
    table = "".join(
        f"{places[at]:010} 00000 n \n" if at in places else "0000000000 65535 f \n" for at in range(size)
    )
    end = f"xref\n0 {size}\n{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{len(document)}\n%%EOF\n"
    path.write_bytes(document + end.encode())
    return " ".join(line for columns in pages for lines in columns for line in lines)
