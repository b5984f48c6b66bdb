"""Numbers that count headings and rows: `2.1`, `Chapter IV`, `§ 3 a`. They say where a thing stands, and not
what it is."""

import re
import tomllib
from pathlib import Path

WORDS = tomllib.loads((Path(__file__).parent / "heading_words.toml").read_text("utf-8"))
DIVISION = "|".join(WORDS["divisions"])
ROMAN = r"(?=[clxvi])c{0,3}(?:x[cl]|l?x{0,3})(?:i[xv]|v?i{0,3})"
NUMBER = rf"(?:\d+(?:\.\d+)*[a-z]?|{ROMAN}|(?-i:[A-Z])|{'|'.join(WORDS['numbers'])})(?!\w)"
DIVIDED = rf"(?:{DIVISION})\s+{NUMBER}"
SIGN = r"(?:\s*[.:)]\s*|\s*[–—]\s*|\s+-\s+)"

LONE = re.compile(rf"^({DIVISION})\s+({NUMBER})\W*$", re.IGNORECASE)
SIGNED = re.compile(rf"^{DIVIDED}{SIGN}|^\d+\.\s+(?:{DIVISION})(?:{SIGN}|\s+(?=\S))", re.IGNORECASE)
UNSIGNED = re.compile(rf"^{DIVIDED}\s+(?=\S)", re.IGNORECASE)
COUNTED = re.compile(
    r"^(?:§+\s*\d+(?:\s?[a-z]\b)?\s*|\d+(?:\.\d+)*[.)]\s+|\d+(?:\.\d+)+:?\s+|\d{1,2}:?\s+(?=[^\W\d_a-zà-ÿ])"
    r"|[A-Za-z]\.\s+|[IVXivx]+\.\s+)"
)
NUMERAL = re.compile(rf"^\(?(?:\d{{1,3}}|{ROMAN}|[a-z])[.):]?\)?$", re.IGNORECASE)
COUNTS = re.compile(
    rf"^(?:no|nr|n[o°º]|num|number|nummer|num[eé]ro|número|#|pos|id|chap|{DIVISION})?[.:]?$", re.IGNORECASE
)


def without_number(heading: str) -> str:
    """What the heading says besides its number; the heading itself if that is all."""
    heading = heading.strip()
    pattern = next((one for one in (SIGNED, UNSIGNED, COUNTED) if _applies(one, heading)), None)
    return (pattern.sub("", heading, count=1).strip() if pattern else "") or heading


def _applies(pattern: re.Pattern[str], heading: str) -> bool:
    """Without a sign between them, number and title are told apart by the title's capital: in `Part 11
    compliance` and `Part I of the guide` the number is a part of what is said."""
    found = pattern.match(heading)
    if not found or pattern is not UNSIGNED:
        return bool(found)
    rest = heading[found.end() :]
    one_case = heading.islower() or heading.isupper()
    return rest.split()[0].casefold() not in WORDS["joining_words"] and (one_case or not rest[0].islower())


def lone_division(heading: str) -> str:
    """`chapter II` of a heading that says nothing else, or nothing."""
    found = LONE.match(heading.strip().strip("*_"))
    if not found:
        return ""
    number = found[2]
    written_out = number.casefold() in WORDS["numbers"]
    return f"{found[1].casefold()} {number.casefold() if written_out else number.upper()}"


def is_numeral(cell: str) -> bool:
    """Whether a cell only counts its row."""
    return bool(NUMERAL.match(cell)) and cell.strip("().:") != ""


def counts(column: str) -> bool:
    """Whether a column of this name counts rows; one without a name may."""
    return bool(COUNTS.match(column.strip()))
