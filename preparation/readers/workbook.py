"""Workbooks (Excel of all ages, OpenDocument), by calamine: each sheet is a table, its rows are fields.

Hidden sheets and what stands above a table are left out with a reason; a sheet of one column of
prose is text.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import python_calamine
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from preparation.readers import Unreadable, excerpt, undamaged
from preparation.readers.dialect import has_header, unique_names
from records import Drop, Row, Source

SAMPLE_ROWS = 200
HEAD = 1 << 20  # bytes of a sheet that are looked into for formulas
# a cell that ends with its formula or an empty value; `t="str"` is of one that was worked out to no text
UNWORKED = re.compile(
    rb'<c\b(?![^>]*\bt="str")[^>]*\br="([A-Z]+\d+)"[^>]*>\s*'
    rb"<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
NAMED = 3
MOST_CELLS = 20_000_000  # of one sheet, empty ones counted: calamine holds all of them
Cells = list[str]


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with undamaged("workbook"):
        try:
            book = CalamineWorkbook.from_path(str(path))
        except python_calamine.PasswordError:
            raise Unreadable("It needs a password", "save a copy without one") from None
        except python_calamine.CalamineError as error:
            raise Unreadable("The workbook is damaged", "open it in its program and save it anew") from error
        sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        names = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    for sheet in sheets:
        if sheet.name not in names:
            yield Drop(source=source, reason="a hidden sheet", excerpt=excerpt(sheet.name))
    several = len(names) > 1
    number = 0
    for name in names:
        with undamaged("workbook"):
            try:
                grid = _grid(book, name)
            except python_calamine.CalamineError as error:
                raise Unreadable(f"The sheet '{name}' is damaged", "save it as CSV") from error
        for item in _sheet(grid, source, name if several else ""):
            if isinstance(item, Row):
                number += 1
                item = item.model_copy(update={"source": item.source.model_copy(update={"element": number})})
            yield item
    cells = _unworked(path)
    if cells and not number:
        raise Unreadable(
            "Its formulas hold no values", "open it in its program and save it, which works them out"
        )
    if cells:
        named = ", ".join(cells[:NAMED]) + (" …" if len(cells) > NAMED else "")
        yield Drop(source=source, reason="formulas without values", excerpt=excerpt(named))


def _unworked(path: Path) -> list[str]:
    """Cells of a workbook of Excel's newer kind whose formulas hold no values.

    Programs leave them so that only write.
    """
    if not is_zipfile(path):
        return []
    with undamaged("workbook"), ZipFile(path) as parts:
        sheets = [part for part in parts.infolist() if part.filename.startswith("xl/worksheets/sheet")]
        heads = [parts.open(sheet).read(HEAD) for sheet in sheets]
        return [cell.decode() for head in heads for cell in UNWORKED.findall(head)]


def _grid(book: CalamineWorkbook, name: str) -> list[tuple[int, Cells]]:
    """Rows that hold something, with their number in the sheet; merged cells filled."""
    sheet = book.get_sheet_by_name(name)
    if sheet.total_height * sheet.total_width > MOST_CELLS:
        raise Unreadable(
            f"The sheet '{name}' has {sheet.total_height:,} x {sheet.total_width:,} cells", "save it as CSV"
        )
    cells = [[_written(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        # a value that was merged over several rows holds for each of them
        if right == left and bottom < len(cells):
            for row in cells[top + 1 : bottom + 1]:
                row[left] = row[left] or cells[top][left]
    return [(number, row) for number, row in enumerate(cells, 1) if any(row)]


def _written(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value).replace("\r\n", "\n").replace("_x000D_", "").strip()


def _sheet(grid: list[tuple[int, Cells]], source: Source, name: str) -> Iterator[Row | Drop]:
    if not grid:
        return
    above = _above([cells for _, cells in grid[:SAMPLE_ROWS]])
    for number, cells in grid[:above]:
        yield _drop(source, number, "a line above the table", cells)
    used = [place for place in range(len(grid[0][1])) if any(cells[place] for _, cells in grid[above:])]
    rows = [(number, [cells[place] for place in used]) for number, cells in grid[above:]]
    if len(used) == 1:
        yield from _column(rows, source, name)
        return
    header = rows[0][1] if has_header([cells for _, cells in rows[:SAMPLE_ROWS]]) else []
    names = unique_names(header or [""] * len(used))
    for number, cells in rows[1 if header else 0 :]:
        if cells == header:
            yield _drop(source, number, "the header once more", cells)
        else:
            named = zip(names, header or names, cells, strict=True)
            fields = {key: cell for key, written, cell in named if cell or written}
            yield Row(source=Source(uri=source.uri, row=number), fields=fields)


def _above(rows: Sequence[Cells]) -> int:
    """How many lines stand above the table: titles, dates, notes, each in few of its columns."""
    width = sorted(sum(map(bool, cells)) for cells in rows)[len(rows) // 2]
    filled = (at for at, cells in enumerate(rows) if 2 * sum(map(bool, cells)) > width)
    return next(filled, 0)


def _column(rows: Sequence[tuple[int, Cells]], source: Source, name: str) -> Iterator[Row | Drop]:
    """A sheet of a single column: fields under its name, or without one a note."""
    cells = [row for _, row in rows[:SAMPLE_ROWS]]
    if len(rows) > 1 and has_header(cells):
        (header,) = unique_names(rows[0][1])
        for number, (cell,) in rows[1:]:
            yield Row(source=Source(uri=source.uri, row=number), fields={header: cell})
    else:
        text = "\n\n".join(chain.from_iterable(row for _, row in rows))
        yield Row(source=source, text=text, heading=(name,) if name else ())


def _drop(source: Source, number: int, reason: str, cells: Cells) -> Drop:
    return Drop(
        source=Source(uri=source.uri, row=number),
        reason=reason,
        excerpt=excerpt(" ".join(filter(None, cells))),
    )
