"""RTF, by striprtf; which paragraphs are headings its style sheet tells, which striprtf leaves aside."""

import re
from collections.abc import Iterator
from pathlib import Path

from striprtf.striprtf import rtf_to_text

from preparation.readers import Unreadable, undamaged
from preparation.readers.document import Block, rows, table
from records import Drop, Row, Source

LARGEST = 1 << 26  # bytes; pictures aside it would be a library
STYLE = re.compile(r"\{[^{}]*?\\s(\d+)\b[^{}]*?\bheading (\d)[^{}]*?;\}", re.IGNORECASE)
LEVELS = "\ue0f1\ue0f2\ue0f3\ue0f4\ue0f5\ue0f6\ue0f7\ue0f8\ue0f9"
PICTURE = re.compile(r"\{\\(?:\*\\shppict|pict|nonshppict|\*\\objdata|object)\b")
BULLET = re.compile(r"^\s*[•·◦▪●○–]\s+")


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 64 MB that an RTF document may have", "save it as DOCX")
    with undamaged("RTF document"):
        written = path.read_bytes().decode("latin-1")
        text = rtf_to_text(_marked(_without_pictures(written)), errors="replace")
        items = list(rows(_blocks(text), source))
    yield from items


def _without_pictures(written: str) -> str:
    """Their hexadecimal digits are most of such a file, and striprtf is slow to skip them."""
    kept, at = [], 0
    while found := PICTURE.search(written, at):
        kept.append(written[at : found.start()])
        at = _end_of_group(written, found.start())
    return "".join([*kept, written[at:]])


def _end_of_group(written: str, start: int) -> int:
    depth = 0
    for brace in re.finditer(r"\\[\\{}]|[{}]", written[start:]):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return start + brace.end()
    return len(written)


def _marked(written: str) -> str:
    """With a sign, for which there is no letter, before the words of each heading."""
    end = written.find("\\pard")
    start = max(end, 0)
    styles = dict(STYLE.findall(written[:start] if end > 0 else ""))
    signs = {
        number: f"\\u{ord(LEVELS[int(level) - 1]) - 65536}?"
        for number, level in styles.items()
        if level != "0"
    }

    def sign(match: re.Match[str]) -> str:
        if match["level"]:
            return match[0] + f"\\u{ord(LEVELS[min(int(match['level']), 8)]) - 65536}?"
        return match[0] + signs.get(match["style"], "")

    return written[:start] + re.sub(
        r"\\s(?P<style>\d+)(?!\d) ?|\\outlinelevel(?P<level>[0-8])(?!\d) ?", sign, written[start:]
    )


def _blocks(text: str) -> Iterator[Block]:
    held: list[list[str]] = []
    points: list[str] = []
    for line in text.split("\n"):
        cells = line.split("|")
        if len(cells) > 2 and not cells[-1].strip():
            held.append(cells[:-1])
            continue
        if held:
            yield Block(table(held))
            held = []
        if BULLET.match(line):
            points.append(BULLET.sub("- ", line).strip())
            continue
        if points:
            yield Block("\n".join(points))
            points = []
        level = next((LEVELS.index(letter) + 1 for letter in line if letter in LEVELS), 0)
        words = "".join(letter for letter in line if letter not in LEVELS).strip()
        if words:
            yield Block(words, level)
    if held:
        yield Block(table(held))
    if points:
        yield Block("\n".join(points))
