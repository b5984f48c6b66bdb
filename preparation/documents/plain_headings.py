"""Headings of texts that do not mark them: pages of a PDF, plain text."""

import re
from collections.abc import Iterator

from preparation.documents.blocks import ITEM, SENTENCE_END, Block, blocks

NUMBERED = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,3})\.?\s+[A-ZÀ-Þ]")
NAMED = re.compile(
    r"^(?:chapter|part|appendix|section|kapitel|teil|abschnitt|chapitre|capítulo|capitolo)\s+[\divxlc]+", re.I
)
KNOWN = re.compile(
    r"^(?:abstract|summary|introduction|background|overview|conclusions?|discussion|references|acknowledge?ments?"
    r"|zusammenfassung|einleitung|résumé|introducción|conclusión|introduzione)$",
    re.IGNORECASE,
)
# `Q: …`, `Frage 3: …`: one of many questions, of which none is a heading of the next
ASKED = re.compile(
    r"^\s*(?:\*\*|__)?(?:q|question|frage|f|pregunta|p|domanda|d|pergunta|vraag|fråga|pytanie|вопрос|问|問|质问|質問)"
    r"\s?\d{0,3}\s*[:.)：]\s*(?:\*\*|__)?\s*",
    re.IGNORECASE,
)
SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "of",
        "on",
        "or",
        "the",
        "to",
        "with",
        "und",
        "de",
        "la",
    ]
)


def with_headings(text: str, first: bool = False) -> Iterator[Block]:
    """The blocks of a text, lines that read like headings made some. `first`: it begins a document, whose
    first line may be its title."""
    found = blocks(text)
    if first and found and (title := _title(found[0])):
        yield Block("heading", title, 1)
        rest = found[0].text[len(title) :].strip("\n")
        found = [*([Block(found[0].kind, rest)] if rest else []), *found[1:]]
    for at, block in enumerate(found):
        if block.kind not in ("paragraph", "list"):
            yield block
        elif level := (plain_heading(block.text) if at + 1 < len(found) else 0):
            yield Block("heading", block.text, level)
        else:
            yield from _parted(block)


def _title(block: Block) -> str:
    """The first line of a document, if it is short and without a full stop, and a longer one follows."""
    line, _, rest = block.text.partition("\n")
    words = line.split()
    if block.kind != "paragraph" or not 1 < len(words) <= 10 or any(map(str.isdigit, line)):
        return ""
    below = rest.split("\n", 1)[0]
    plain = line[0].isupper() and line[-1].isalnum() and len(line) < 60
    return line if plain and len(below) > max(60, 1.5 * len(line)) else ""


def _parted(block: Block) -> Iterator[Block]:
    """A block with headings among its lines, as pages without blank lines give it."""
    lines = block.text.split("\n")
    held: list[str] = []
    for at, line in enumerate(lines):
        if level := _level_among(lines, at, held):
            if held:
                yield Block(block.kind, "\n".join(held))
                held = []
            yield Block("heading", line, level)
        else:
            held.append(line)
    yield from (Block(again.kind, again.text) for again in blocks("\n".join(held)))


def _level_among(lines: list[str], at: int, held: list[str]) -> int:
    """Inside a block title case is not enough, and an item followed by an item is no heading."""
    line, below = lines[at], "\n".join(lines[at + 1 :])
    sure = NUMBERED.match(line) or NAMED.match(line) or KNOWN.match(line) or line.isupper()
    if not sure or len(line) > 80 or not (line[-1].isalnum() or line[-1] in ")?") or len(below) <= 60:
        return 0
    if ITEM.match(below) or not below[:1].isupper():
        return 0
    ended = not held or bool(SENTENCE_END.search(held[-1])) or len(held) < 2
    return (plain_heading(line) or 1) if ended else 0


def plain_heading(line: str) -> int:
    """The level of a line that reads like a heading, 0 if it does not: short, no full stop, and numbered, in
    capitals, or in title case."""
    words = line.split()
    if (
        "\n" in line
        or not 1 <= len(words) <= 10
        or len(line) > 80
        or line[-1] in ".,;:!"
        or not line[0].isalnum()
        or (ASKED.match(line) and line.endswith("?"))
    ):
        return 0
    if numbered := NUMBERED.match(line):
        return 2 + numbered[1].count(".")
    if NAMED.match(line) or (line.isupper() and sum(map(str.isalpha, line)) > 3):
        return 1
    if KNOWN.match(line):
        return 2
    if line.endswith("?") and line[0].isupper():
        return 6
    telling = [word for word in words if word.casefold() not in SMALL_WORDS]
    titled = all(word[0].isupper() for word in telling) and line[0].isupper() and any(map(str.islower, line))
    return 5 if titled and len(telling) >= 2 and not any(map(str.isdigit, line)) else 0
