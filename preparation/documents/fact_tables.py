"""Tables of facts -> questions and answers, by row and by cell."""

import re
from collections.abc import Iterator, Sequence

from preparation.documents.numbering import counts, is_numeral, without_number
from preparation.documents.questions import about_thing, answer_of_cell, of_cell
from preparation.documents.tongues import day, is_time, language
from preparation.turns import Draft
from records import Source

MOST_CELLS = 60  # of a larger table the rows are asked for, not every cell
LONGEST_CELL = 12  # words; longer ones are texts
RULE = re.compile(r"^[\s|:+=-]+$")
YES_OR_NO = re.compile(r"^(?:yes|no|ja|nein|oui|non|sí|si|true|false|x|✓|✔|✗|✘)$", re.IGNORECASE)
# what stands for the cell above
DITTO = re.compile(r"^(?:[\"“”„»〃]\s*)+$|^(?:do|dto|ditto|id|idem)\.?$", re.IGNORECASE)
LONGEST_NAME = 12  # words


def cells(table: str) -> list[list[str]]:
    """The cells of a table of pipes, or of columns set apart by tabs or three blanks; rules left out."""
    rows = []
    for line in table.split("\n"):
        if not line.strip() or RULE.match(line):
            continue
        parts = (
            line.strip().strip("|").split("|")
            if line.count("|") >= 2
            else re.split(r"\t+| {3,}", line.strip())
        )
        rows.append([plain(part) for part in parts])
    return rows


def of_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    path: tuple[str, ...] = (),
    tongue: str = "en",
) -> Iterator[tuple[str, str]]:
    """Each row is asked for by its name as a whole, and those cells whose column is a noun that can be asked
    for (`price`), if the table is not too large; columns that are days or years are asked for as rows are.
    Rows that are called by a question are asked by it. `path`: the headings above."""
    header, rows = _named(*_one_header(header, _spelt_out(rows)))
    columns = [at for at in range(1, len(header)) if header[at]]
    times = len(columns) > 1 and all(is_time(header[at]) for at in columns)
    nouns = _nouns(header, rows) if not times else set()
    for name, *row in rows:
        told = [at for at in columns if row[at - 1]]
        if not name or not told:
            continue
        if name.endswith(("?", "？")):
            yield name, row[told[0] - 1] if len(told) == 1 else _known(header, row, told)
            continue
        asked = [
            (question, answer_of_cell(header[at], name, row[at - 1], tongue))
            for at in told
            if at in nouns
            and len(row[at - 1].split()) <= LONGEST_CELL
            and (question := of_cell(header[at], name, tongue))
        ]
        yield from asked
        if len(told) > 1 or not asked:
            yield about_thing(name, path, tongue), _known(header, row, told)
    if times and len(rows) > 1:
        for at in columns:
            known = "\n".join(f"{row[0]}: {row[at]}" for row in rows if row[0] and row[at])
            if known:
                yield about_thing(day(header[at]) or header[at], path, tongue), known


def _one_header(header: Sequence[str], rows: list[list[str]]) -> tuple[Sequence[str], list[list[str]]]:
    """Names of columns in two rows made one: `Price` that spans `small` and `large` is two prices."""
    blank = [at for at, name in enumerate(header) if at and not name.strip()]
    if len(rows) < 2 or not blank or rows[0][0].strip() or not all(rows[0][at].strip() for at in blank):
        return header, rows
    spanning, names = "", []
    for above, below in zip(header, rows[0], strict=True):
        spanning = above.strip() or spanning
        names.append(f"{spanning} {below}".strip() if below.strip() else spanning)
    return [header[0], *names[1:]], rows[1:]


def _known(header: Sequence[str], row: Sequence[str], told: Sequence[int]) -> str:
    return "\n".join(f"{header[at].rstrip(' .:')}: {row[at - 1]}" for at in told)


def _nouns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> set[int]:
    columns = range(1, len(header))
    # columns of one kind of thing (email card, printed card): the rows are what is asked for
    one_kind = len(columns) > 1 and len({header[at].split()[-1] for at in columns if header[at].strip()}) == 1
    if one_kind or len(rows) * len(columns) > MOST_CELLS:
        return set()
    return {at for at in columns if not any(YES_OR_NO.match(row[at]) for row in rows)}


def _spelt_out(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Ditto marks replaced by what they stand for."""
    found: list[list[str]] = []
    for row in rows:
        above = found[-1] if found else [""] * len(row)
        found.append([old if DITTO.match(cell) else cell for cell, old in zip(row, above, strict=False)])
    return found


def _named(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """With the names of the rows as the first column. Numbers name nothing: the first column of words does,
    or the number with what it counts, `zone 2`."""
    header = [one.strip() for one in header]
    numbered = all(is_numeral(row[0]) for row in rows if row[0]) and any(row[0] for row in rows)
    if not numbered:
        return header, [[_name(row[0]), *row[1:]] for row in rows]
    words = next((at for at in range(1, len(header) - 1) if _names([row[at] for row in rows])), 0)
    if counts(header[0]) and words:
        order = [words, *(at for at in range(1, len(header)) if at != words)]
        return [header[at] for at in order], [
            [_name(row[order[0]]), *(row[at] for at in order[1:])] for row in rows
        ]
    kind = header[0].casefold() if header[0][1:].islower() else header[0]
    return header, [[f"{kind} {row[0].strip('().:')}".strip() if row[0] else "", *row[1:]] for row in rows]


def _names(column: Sequence[str]) -> bool:
    """Whether the cells can name rows: words, no two the same."""
    filled = [cell for cell in column if cell]
    return (
        len(filled) >= 0.8 * len(column)
        and len(set(filled)) == len(filled)
        and all(re.search(r"[^\W\d_]{2}", cell) and len(cell.split()) <= LONGEST_NAME for cell in filled)
    )


def _name(cell: str) -> str:
    return without_number(cell).strip(" ,;:")


def of_record(fields: Sequence[tuple[str, str]], source: Source) -> Iterator[Draft]:
    """A row of a table of facts: its first column names it."""
    if len(fields) < 2:
        return
    header, row = zip(*fields, strict=True)
    tongue = language(" ".join((*header, *row)))
    for question, answer in of_table(header, [row], tongue=tongue):
        yield Draft((source,), question, answer, section=(row[0],))


def plain(text: str) -> str:
    """Without marks of Markdown, in one line."""
    text = re.sub(r"\*\*|__|`", "", re.sub(r"<br\s*/?>", " ", text))
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(text.split())
