"""Tables of contents, and lists of figures and plates: lines that only say on which page a thing stands."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

PAGE_WORDS = r"(?:pages?|pgs?|pp?|seiten?|s|páginas?|págs?|paginas?|pagine|pagg?|blz|bladzijde|стр|страница)"
ROMAN = r"(?=[ivxlc])(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})"
LEADERS = re.compile(r"\S.*?(?:\.{4,}|(?:\. ){4,}|…{2,}|_{5,}|·{4,})[\s.]*(?:\d{1,4}|[ivxlc]{1,6})\s*$")
TITLE = re.compile(
    r"^[#*_\s]*(?:(?:table of )?contents|(?:list of )?(?:illustrations|figures|tables|plates|maps)"
    r"|inhalt(?:sverzeichnis|sübersicht)?|(?:abbildungs|tabellen)verzeichnis|índice(?: de \w+)?|contenidos?"
    r"|conteúdo|sumário|lista de \w+|indice(?: \w+ \w+)?|sommario|sommaire|table (?:des|of) \w+|liste des \w+"
    r"|inhoud(?:sopgave)?|lijst van \w+|содержание|оглавление)[*_\s.:]*$",
    re.IGNORECASE,
)
PAGE_COLUMN = re.compile(rf"^{PAGE_WORDS}\.?$", re.IGNORECASE)
REFERENCE = re.compile(rf"\b{PAGE_WORDS}\.?\s*\d{{1,4}}\b", re.IGNORECASE)
PAGE = re.compile(rf"^(?:\d{{1,4}}|{ROMAN})$", re.IGNORECASE)
ENTRY = re.compile(r"^\S.{0,120}?(?:\t\s*|\s{2,}|[\s,]\s*)(\d{1,4}|(?-i:[ivxlc]{1,6}))$", re.IGNORECASE)
RULE = re.compile(r"^[\s|:+=-]+$")
FEWEST = 3


def entries(lines: Sequence[str], heading: str = "") -> set[int]:
    """Numbers of the lines that are contents, below a `heading` or a title of their own. What tells them is a
    page: dots that lead to it, a column called so, or rising numbers below a title that says contents."""
    led = {at for at, line in enumerate(lines) if LEADERS.match(line.strip())}
    filled = [at for at, line in enumerate(lines) if line.strip()]
    found = set(led)
    for above, at in pairwise([-1, *filled]):
        title = heading if above < 0 else lines[above].strip()
        titled = bool(TITLE.match(title))
        if at in led:
            if titled and above >= 0:
                found.add(above)
        elif at not in found:
            block = _table(lines, at, titled) if "|" in lines[at] else _list(lines, at) if titled else set()
            found |= block | ({above} if block and titled and above >= 0 else set())
    return found


def _table(lines: Sequence[str], at: int, titled: bool) -> set[int]:
    """The table that begins here, if a column of it holds pages."""
    end = at
    while end < len(lines) and lines[end].lstrip().startswith("|"):
        end += 1
    rows = [_cells(line) for line in lines[at:end] if not RULE.match(line)]
    if len(rows) <= FEWEST or any(len(row) != len(rows[0]) for row in rows):
        return set()
    header, *below = rows
    for column in range(1, len(header)):
        cells = [row[column] for row in below if row[column]]
        named = bool(PAGE_COLUMN.match(header[column]))
        counted = len(cells) >= FEWEST and _rise(cells)
        referring = sum(bool(REFERENCE.search(cell)) for cell in cells) >= FEWEST
        if (named and counted) or (titled and (counted or referring)):
            return set(range(at, end))
    return set()


def _cells(line: str) -> list[str]:
    return [re.sub(r"<br\s*/?>", " ", cell).strip(" *_") for cell in line.strip().strip("|").split("|")]


def _list(lines: Sequence[str], at: int) -> set[int]:
    """The lines from here on that end in pages."""
    ends: list[str] = []
    found: set[int] = set()
    for number in range(at, len(lines)):
        line = lines[number].strip()
        entry = ENTRY.match(line)
        if line and not entry:
            break
        if entry:
            ends.append(entry[1])
            found.add(number)
    return found if len(ends) >= FEWEST and _rise(ends) else set()


def _rise(cells: Sequence[str]) -> bool:
    """Whether nearly all are pages, none before the one above."""
    pages = [page for page in map(_page, cells) if page]
    return len(pages) >= 0.8 * len(cells) and all(one <= other for one, other in pairwise(pages))


def _page(cell: str) -> tuple[int, int] | None:
    """Pages in the order of a book, the ones in roman numerals first."""
    if not PAGE.match(cell):
        return None
    return (1, int(cell)) if cell.isdigit() else (0, sum(_values(cell.casefold())))


def _values(numeral: str) -> Iterator[int]:
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[letter] for letter in numeral]
    for value, after in pairwise([*values, 0]):
        yield -value if value < after else value
