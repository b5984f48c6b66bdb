"""Tables of facts -> questions and answers, by row and by cell."""

import re
from collections.abc import Iterator, Sequence

from preparation.questions import about_thing, answer_of_cell, of_cell
from preparation.turns import Draft
from records import Source

MOST_CELLS = 60  # of a larger table the rows are asked for, not every cell
LONGEST_CELL = 12  # words; longer ones are texts
RULE = re.compile(r"^[\s|:+=-]+$")
YES_OR_NO = re.compile(r"^(?:yes|no|ja|nein|oui|non|sí|si|true|false|x|✓|✔|✗|✘)$", re.IGNORECASE)


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
    header: Sequence[str], rows: Sequence[Sequence[str]], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, str]]:
    """The first column names the row. Each row is asked for as a whole, and those cells whose column is a
    noun that can be asked for (`price`), if the table is not too large. `path`: the headings above."""
    columns = range(1, len(header))
    nouns = {at for at in columns if not any(YES_OR_NO.match(row[at]) for row in rows)}
    # columns of one kind of thing (email card, printed card): the rows are what is asked for
    one_kind = len(columns) > 1 and len({header[at].split()[-1] for at in columns if header[at].strip()}) == 1
    if one_kind or len(rows) * len(columns) > MOST_CELLS:
        nouns = set()
    for row in rows:
        told = [at for at in columns if header[at] and row[at]]
        if not row[0] or not told:
            continue
        asked = [
            (question, answer_of_cell(header[at], row[0], row[at]))
            for at in told
            if at in nouns
            and len(row[at].split()) <= LONGEST_CELL
            and (question := of_cell(header[at], row[0]))
        ]
        yield from asked
        if len(told) > 1:
            yield about_thing(row[0], path), "\n".join(f"{header[at]}: {row[at]}" for at in told)
        elif not asked:
            yield about_thing(row[0], path), f"{header[told[0]]}: {row[told[0]]}"


def of_record(fields: Sequence[tuple[str, str]], source: Source) -> Iterator[Draft]:
    """A row of a table of facts: its first column names it."""
    if len(fields) < 2:
        return
    header, row = zip(*fields, strict=True)
    for question, answer in of_table(header, [row]):
        yield Draft((source,), question, answer, section=(row[0],))


def plain(text: str) -> str:
    """Without marks of Markdown, in one line."""
    text = re.sub(r"\*\*|__|`", "", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return " ".join(text.split())
