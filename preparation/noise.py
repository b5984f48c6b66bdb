"""What repeats in documents and says nothing: page headers and footers, page numbers, tables of contents,
boilerplate. Lines are learnt on a first pass and removed on a second; each removal names its rule."""

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from preparation.documents import contents
from preparation.documents.blocks import blocks
from records import Row

HEADER = "repeated header or footer"
PAGE_NUMBER = "page number"
CONTENTS = "table of contents"
BOILERPLATE = "boilerplate"
STAMPED = "archive stamp"
PICTURED = "place of a picture"

EDGE = 3  # lines at the top and at the bottom of a page that may be header or footer
WIDEST_HEADER = 120
LONGEST_BOILERPLATE = 300
DOCUMENTS = 3  # documents that a paragraph must stand in to be boilerplate

DIGITS = re.compile(r"\d+")
SPACE = re.compile(r"\s+")
NUMBER = r"(?:\d{1,4}|(?=[ivxlc])(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3}))"
PAGE_WORD = r"(?:page|seite|página|pàgina|pagina|bladzijde|strona|strana|sida|side|sivu|oldal|страница|第)"
OF = r"(?:\s*(?:of|von|de|di|/|sur|из|van|av|af|z)\s*\d{1,4})?\s*页?"
FRAME = r"[\s\-–—|\[\](){}]*"
WORDED_NUMBER = re.compile(rf"^{FRAME}{PAGE_WORD}\s*\d{{1,4}}{OF}{FRAME}$", re.IGNORECASE)
BARE_NUMBER = re.compile(rf"^{FRAME}(?:(?:p|pg|s|pág|стр)\.?\s*)?{NUMBER}{OF}{FRAME}$", re.IGNORECASE)
# set along the margin of a page, so that it lands in the middle of a sentence
STAMP = re.compile(r"arXiv:\d{4}\.\d{4,5}(?:v\d+)?\s+\[[\w.-]+\]\s+\d{1,2} [A-Z][a-z]{2} \d{4}")
PICTURE = re.compile(
    r"^\[(?:image|illustration|picture|figure|photo|bild|abbildung|foto|imagen|imagem|immagine|ilustración"
    r"|ilustração|illustrazione|figura|afbeelding|рисунок)\b[^\]]{0,60}\]$|^!\[[^\]]*\]\([^)]*\)$",
    re.IGNORECASE,
)


@dataclass
class Edges:
    """The first and last lines of one document's pages, how often each stands where."""

    pages: int = 0
    outer: Counter[str] = field(default_factory=Counter)
    near: Counter[str] = field(default_factory=Counter)
    seen: set[bytes] = field(default_factory=set)

    def add(self, text: str) -> None:
        """A page that is a copy of another says nothing about headers."""
        lines = [line for line in text.split("\n") if line.strip()]
        # a copy may still count its pages
        body = SPACE.sub(" ", "\n".join(lines[1:-1] if len(lines) > 3 else lines)).casefold()
        digest = hashlib.blake2b(body.encode(), digest_size=8).digest()
        if digest in self.seen:
            return
        self.seen.add(digest)
        self.pages += 1
        self.outer.update({_key(line) for line in (lines[:1] + lines[-1:]) if _may_be_header(line)})
        self.near.update({_key(line) for line in (lines[:EDGE] + lines[-EDGE:]) if _may_be_header(line)})

    def repeated(self) -> frozenset[str]:
        """Outermost lines of three pages at least, or others near the edge of three in ten pages; of a
        document of two or three pages, those that stand on every page."""
        if self.pages < 2:
            return frozenset()
        least = min(3, self.pages)
        found = {line for line, count in self.outer.items() if count >= least}
        return frozenset(
            found | {line for line, count in self.near.items() if count >= max(least, 0.3 * self.pages)}
        )


def _key(line: str) -> str:
    return SPACE.sub(" ", DIGITS.sub("#", line)).strip().casefold()


def _may_be_header(line: str) -> bool:
    # the head of a table that goes on over pages is needed to read the table
    return len(line) <= WIDEST_HEADER and "|" not in line and any(map(str.isalpha, line))


class Seen:
    """Counts the documents that hold a paragraph, at 64 MB and some bytes a repeated paragraph."""

    def __init__(self, buckets: int = 1 << 26):
        self.once = bytearray(buckets)
        self.documents: Counter[int] = Counter()

    def add(self, digests: Iterable[int]) -> None:
        """Those of a document, or of several, once for each."""
        for digest in digests:
            bucket = digest % len(self.once)
            if not self.once[bucket]:
                self.once[bucket] = 1
            else:
                self.documents[digest] += 1

    def in_many(self) -> frozenset[int]:
        return frozenset(digest for digest, more in self.documents.items() if more + 1 >= DOCUMENTS)


def digest(paragraph: str) -> int:
    return int.from_bytes(hashlib.blake2b(_key(paragraph).encode(), digest_size=8).digest(), "big")


class NoiseProfile:
    """What a first pass over the rows learns. Rows of one document (`uri`) must follow one another. `edges`
    are digests of the short paragraphs that open or close a document, once for each document."""

    def __init__(self) -> None:
        self.headers: dict[str, frozenset[str]] = {}
        self.edges = array("Q")
        self._uri = ""
        self._edges = Edges()
        self._first: list[str] = []
        self._last: list[str] = []

    def add(self, row: Row) -> None:
        if row.source.uri != self._uri:
            self.end_document()
            self._uri = row.source.uri
        if row.source.page is not None:
            self._edges.add(row.text)
        paragraphs = [block.text for block in blocks(row.text) if block.kind == "paragraph"]
        if len(self._first) < 2:
            self._first.extend(paragraphs[:2])
        self._last = [*self._last, *paragraphs][-3:]

    def end_document(self) -> None:
        if repeated := self._edges.repeated():
            self.headers[self._uri] = repeated
        edges = {digest(text) for text in {*self._first, *self._last} if _may_be_boilerplate(text)}
        self.edges.extend(sorted(edges))
        self._edges, self._first, self._last = Edges(), [], []

    def merge(self, other: "NoiseProfile") -> None:
        """Of other documents."""
        self.headers.update(other.headers)
        self.edges.extend(other.edges)

    def boilerplate(self) -> frozenset[int]:
        """Digests of short paragraphs that open or close three documents at least."""
        seen = Seen()
        seen.add(self.edges)
        return seen.in_many()


def _may_be_boilerplate(paragraph: str) -> bool:
    return 15 <= len(paragraph) <= LONGEST_BOILERPLATE and paragraph.count(" ") >= 2


@dataclass(frozen=True, slots=True)
class Removal:
    rule: str
    text: str


class Denoiser:
    """Removes what the profile found. Boilerplate is kept where it is met first: nothing is lost wholly."""

    def __init__(self, headers: dict[str, frozenset[str]], boilerplate: frozenset[int]):
        self.headers = headers
        self.boilerplate = boilerplate
        self._met: dict[int, str] = {}

    def clean(self, row: Row) -> tuple[str, list[Removal]]:
        """The text without noise but boilerplate, and what was taken out."""
        removed: list[Removal] = []
        lines = row.text.split("\n")
        if row.source.page is not None:
            lines = self._without_edges(lines, self.headers.get(row.source.uri, frozenset()), removed)
            lines = _without_own_number(lines, row.source.page, removed)
        lines = [line for line in lines if not _number(line, WORDED_NUMBER, removed)]
        lines = [_without_stamp(line, removed) for line in lines if not _picture(line, removed)]
        lines = _without_contents(lines, row.heading[-1] if row.heading else "", removed)
        return "\n".join(lines).strip("\n"), removed

    def _without_edges(self, lines: list[str], headers: frozenset[str], removed: list[Removal]) -> list[str]:
        filled = [at for at, line in enumerate(lines) if line.strip()]
        out: set[int] = set()
        for order in (filled[: EDGE + 1], filled[::-1][: EDGE + 1]):
            outermost = True
            for at in order:
                if at not in out and outermost and _number(lines[at], BARE_NUMBER, removed):
                    out.add(at)
                elif at not in out and _key(lines[at]) in headers:
                    removed.append(Removal(HEADER, lines[at].strip()))
                    out.add(at)
                else:
                    outermost = at in out
        return [line for at, line in enumerate(lines) if at not in out]

    def has_boilerplate(self, text: str) -> bool:
        return bool(self.boilerplate) and any(key in self.boilerplate for key, _ in _repeatable(text))

    def without_boilerplate(self, row: Row) -> tuple[str, list[Removal]]:
        """Rows must come in order."""
        removed, text = [], row.text
        for key, paragraph in _repeatable(text):
            if key in self.boilerplate and self._met.setdefault(key, row.source.uri) != row.source.uri:
                removed.append(Removal(BOILERPLATE, paragraph))
                text = text.replace(paragraph, "", 1)
        return text.strip("\n"), removed


def _repeatable(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs that may be boilerplate, and their digests."""
    for block in blocks(text):
        if block.kind == "paragraph" and _may_be_boilerplate(block.text):
            yield digest(block.text), block.text


def _without_own_number(lines: list[str], page: int, removed: list[Removal]) -> list[str]:
    """A first line that holds the page's own number, above one that goes on with a sentence: a document of
    two or three pages repeats no header often enough to learn it."""
    header = (
        re.match(rf"^(?:{page}\s+\S.{{0,70}}|\S.{{0,70}}\s{page})$", lines[0]) if len(lines) > 1 else None
    )
    goes_on = bool(header) and re.match(r"[a-z,;)\]]|\d+[\])]", lines[1].lstrip())
    if header and goes_on:
        removed.append(Removal(HEADER, lines[0].strip()))
        return lines[1:]
    return lines


def _number(line: str, pattern: re.Pattern[str], removed: list[Removal]) -> bool:
    if not line.strip() or not pattern.match(line.strip()):
        return False
    removed.append(Removal(PAGE_NUMBER, line.strip()))
    return True


def _picture(line: str, removed: list[Removal]) -> bool:
    if not PICTURE.match(line.strip()):
        return False
    removed.append(Removal(PICTURED, line.strip()))
    return True


def _without_stamp(line: str, removed: list[Removal]) -> str:
    if not (stamp := STAMP.search(line)):
        return line
    removed.append(Removal(STAMPED, stamp[0]))
    return line.replace(stamp[0], "").strip()


def _without_contents(lines: list[str], heading: str, removed: list[Removal]) -> list[str]:
    found = contents.entries(lines, heading)
    removed.extend(Removal(CONTENTS, lines[at].strip()) for at in sorted(found))
    return [line for at, line in enumerate(lines) if at not in found]


def all_letters(text: str) -> Iterator[str]:
    return (character for character in text if character.isalnum())


def is_too_short(text: str, heading: tuple[str, ...] = ()) -> bool:
    """Under three words and ten letters: a rest of layout, unless it answers a heading that asks."""
    asked = bool(heading) and heading[-1].rstrip().endswith("?")
    return not asked and len(text.split()) < 3 and sum(1 for _ in all_letters(text)) < 10
