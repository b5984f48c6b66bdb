"""Blocks of a plain or Markdown text: headings, paragraphs, lists, tables, code. Line breaks of a page's
width are undone inside paragraphs and list items only."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]

FENCE = re.compile(r"^\s{0,3}(```+|~~~+)")
ATX = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*$")
UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,}|~{3,}|\^{3,})$")
ITEM = re.compile(r"^\s*(?:[-*+•‣◦▪●○–]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s+\S")
COLUMNS = re.compile(r"\S(?: {3,}|\t+)\S")
CODE_SIGNS = re.compile(
    r"[{};=<>$\\]|\(\)|->|::|^\s*(?:def|class|import|from|return|if|for|while|sudo|>>>)\b"
)
INDENTED = re.compile(r"^(?: {4,}|\t)")
HYPHEN = re.compile(r"(\w+)[-\u2010]$")
SENTENCE_END = re.compile(r"""[.!?:;…。！？]["'”’)\]*_]*$""")
# compounds whose hyphen stands at a line's end by chance
COMPOUND = frozenset(
    [
        "self",
        "well",
        "non",
        "all",
        "half",
        "high",
        "low",
        "long",
        "short",
        "full",
        "cross",
        "ex",
        "co",
        "real",
        "one",
    ]
)
FOOTNOTE = re.compile(r"^(?:[∗†‡§¶]{1,2}|\d{1,2})[A-Z][a-z]")
FRAGMENT = 6
WIDEST = 160  # lines longer than this were not broken to a page's width


@dataclass(frozen=True, slots=True)
class Block:
    kind: BlockKind
    text: str
    level: int = 0


def blocks(text: str) -> list[Block]:
    """The text as blocks, in order, with the lines of each as they stand."""
    lines = text.split("\n")
    found: list[Block] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        block, at = _next_block(lines, at)
        found.append(block)
    return found


def _next_block(lines: list[str], at: int) -> tuple[Block, int]:
    line = lines[at]
    if FENCE.match(line):
        return _fenced(lines, at)
    if heading := ATX.match(line):
        return Block("heading", heading[2], len(heading[1])), at + 1
    if _underlined(lines, at):
        return Block("heading", line.strip(), 1 if lines[at + 1].strip()[0] == "=" else 2), at + 2
    if _is_table(lines, at):
        return _while("table", lines, at, lambda i: _row_of_table(lines[i]))
    if _is_indented_code(lines, at):
        return _while("code", lines, at, lambda i: bool(INDENTED.match(lines[i])) or _gap_in_code(lines, i))
    if ITEM.match(line):
        return _while("list", lines, at, lambda i: _goes_on_list(lines, i))
    return _while("paragraph", lines, at, lambda i: i == at or not _starts_block(lines, i))


def _while(kind: BlockKind, lines: list[str], at: int, belongs: Callable[[int], bool]) -> tuple[Block, int]:
    end = at + 1
    while end < len(lines) and belongs(end):
        end += 1
    return Block(kind, "\n".join(lines[at:end]).rstrip()), end


def _fenced(lines: list[str], at: int) -> tuple[Block, int]:
    match = FENCE.match(lines[at])
    fence = match[1] if match else "```"
    for end in range(at + 1, len(lines)):
        if lines[end].strip().startswith(fence):
            return Block("code", "\n".join(lines[at : end + 1])), end + 1
    return Block("code", "\n".join(lines[at:]).rstrip()), len(lines)


def _underlined(lines: list[str], at: int) -> bool:
    if at + 1 >= len(lines) or not UNDERLINE.match(lines[at + 1]):
        return False
    text = lines[at].strip()
    rule = lines[at + 1].strip()
    short = len(text) <= 100 and not ITEM.match(lines[at]) and "|" not in text
    return short and len(rule) >= 3 and (at == 0 or not lines[at - 1].strip() or rule[0] == "=")


def _row_of_table(line: str) -> bool:
    stripped = line.strip()
    return stripped.count("|") >= 2 or (bool(stripped) and len(COLUMNS.findall(stripped)) >= 1)


def _is_table(lines: list[str], at: int) -> bool:
    """Two rows at least, of pipes or of columns set apart by tabs or three blanks."""
    return _row_of_table(lines[at]) and at + 1 < len(lines) and _row_of_table(lines[at + 1])


def _is_indented_code(lines: list[str], at: int) -> bool:
    if not INDENTED.match(lines[at]) or ITEM.match(lines[at]) or (at and lines[at - 1].strip()):
        return False
    run = [line for line in lines[at : at + 12] if INDENTED.match(line)]
    return sum(bool(CODE_SIGNS.search(line)) for line in run) * 2 >= len(run)


def _gap_in_code(lines: list[str], at: int) -> bool:
    return not lines[at].strip() and at + 1 < len(lines) and bool(INDENTED.match(lines[at + 1]))


def _goes_on_list(lines: list[str], at: int) -> bool:
    """Items, their further lines, and single blank lines between items."""
    line = lines[at]
    if not line.strip():
        following = lines[at + 1] if at + 1 < len(lines) else ""
        return bool(ITEM.match(following)) or bool(re.match(r"^(?: {2,}|\t)\S", following))
    return not (FENCE.match(line) or ATX.match(line) or _is_table(lines, at)) and (
        bool(lines[at - 1].strip()) or bool(ITEM.match(line)) or line[0] in " \t"
    )


def _starts_block(lines: list[str], at: int) -> bool:
    line = lines[at]
    return (
        not line.strip()
        or bool(FENCE.match(line) or ATX.match(line) or ITEM.match(line))
        or _underlined(lines, at)
        or _is_table(lines, at)
    )


def reflow(text: str) -> str:
    """The text with the lines of each paragraph and list item joined where they were broken to fit a
    page; blocks are set apart by a blank line. Lists, tables, code, verses and addresses keep their lines."""
    found = blocks(text)
    width = line_width(text)
    words = frozenset(re.findall(r"\w+(?:-\w+)*", text.casefold()))
    return "\n\n".join(_reflowed(block, width, words) for block in found)


def _reflowed(block: Block, width: int, words: frozenset[str]) -> str:
    match block.kind:
        case "heading":
            return f"{'#' * block.level} {block.text}"
        case "paragraph":
            return joined_lines(block.text.split("\n"), width, words)
        case "list":
            return "\n".join(_items(block.text.split("\n"), width, words))
        case _:
            return block.text


def line_width(text: str) -> int:
    """The width that lines were broken to, or 0 if they were not: two in three longer lines stay below it.
    Lines of verse or of an address begin with capitals, those of broken prose mostly do not."""
    lines = text.split("\n")
    lengths = sorted(len(line) for line in lines if len(line) > 20)
    starts = [
        line.lstrip()[0]
        for above, line in pairwise(lines)
        if len(above.strip()) > 20 and line.strip() and not ITEM.match(line)
    ]
    cased = [start for start in starts if start.lower() != start.upper()]
    if len(lengths) < 2 or sum(map(str.islower, cased)) < 0.25 * len(cased):
        return 0
    return lengths[int(len(lengths) * 0.65)]


def _items(lines: list[str], width: int, words: frozenset[str]) -> Iterator[str]:
    item: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        if ITEM.match(line) and item:
            yield joined_lines(item, width, words)
            item = []
        item.append(line.rstrip() if not item else line.strip())
    if item:
        yield joined_lines(item, width, words)


def joined_lines(lines: list[str], width: int, words: frozenset[str]) -> str:
    """Greedy line breaking undone: a break goes if the next line's first word would not have fitted."""
    text = lines[0].rstrip()
    last = lines[0]
    for line in lines[1:]:
        stripped = line.strip()
        hyphen = HYPHEN.search(text)
        if FOOTNOTE.match(stripped):
            text += f"\n\n{stripped}"
        elif hyphen and stripped[:1].islower() and width <= WIDEST:
            text = _dehyphenated(text, hyphen, stripped, words)
        elif _broken_to_fit(last, stripped, width):
            text = f"{text} {stripped}"
        else:
            text += ("\n\n" if _ends_paragraph(last, stripped) else "\n") + stripped
        last = line
    return text


def _broken_to_fit(line: str, following: str, width: int) -> bool:
    if not 20 < width <= WIDEST:
        return False
    first_word = following.split(" ", 1)[0]
    # proportional type breaks a little before or after the same number of characters
    full = len(line) + 1 + len(first_word) >= 0.88 * width
    ends = bool(SENTENCE_END.search(line))
    runs_on = following[:1].islower() and not ends and len(line) > 0.5 * width
    # indices and signs that were set higher or lower come out as lines of their own
    fragment = not ends and min(len(line.strip()), len(following)) <= FRAGMENT
    return full or runs_on or fragment


def _ends_paragraph(line: str, following: str) -> bool:
    return bool(SENTENCE_END.search(line)) and not following[:1].islower() and len(line) > 30


def _dehyphenated(text: str, hyphen: re.Match[str], following: str, words: frozenset[str]) -> str:
    start = hyphen[1]
    rest = re.match(r"\w*", following)
    end = rest[0] if rest else ""
    whole, compound = (start + end).casefold(), f"{start}-{end}".casefold()
    keep = whole not in words and (compound in words or start.casefold() in COMPOUND)
    return (text if keep else text[: hyphen.end(1)]) + following
