"""Documents as passages: text rows of one document joined, headings found, cut at headings, paragraphs and
sentence ends, never inside a table or code."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from preparation.documents.blocks import SENTENCE_END, BlockKind, blocks
from preparation.documents.plain_headings import with_headings
from records import Row, Source

TARGET = 1600  # characters of a passage: about 450 tokens
LONGEST = 2000
SHORTEST = 80  # shorter sections go together with the next one

SENTENCE = re.compile(r"""(?<=[.!?…。！？])["'”’)\]]*(?:\s+|(?<=[。！？]))(?=\S)""")


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of a document, the headings above it and where it stands (two pages, if it runs on)."""

    kind: BlockKind
    text: str
    heading: tuple[str, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    text: str
    heading: tuple[str, ...]
    sources: tuple[Source, ...]
    part: int = 1  # of the section, from 1


def pieces(rows: Iterable[Row]) -> Iterator[Piece]:
    """The blocks of one document. Rows that bring no headings of their own get those that look like some."""
    held: Piece | None = None
    path: list[tuple[int, str]] = []
    above: tuple[str, ...] | None = None
    for row in rows:
        found = blocks(row.text) if row.heading else with_headings(row.text, first=above is None)
        if row.heading != above:
            path, above = [], row.heading
        for block in found:
            if block.kind == "heading":
                path = [*(entry for entry in path if entry[0] < block.level), (block.level, block.text)]
                continue
            heading = _path(row.heading, path)
            piece = Piece(block.kind, block.text, heading, (row.source,))
            if held and _runs_on(held, piece):
                held = replace(
                    held, text=f"{held.text} {piece.text}", sources=_both(held.sources, piece.sources)
                )
                continue
            if held:
                yield held
            held = piece
    if held:
        yield held


def _path(outer: tuple[str, ...], inner: list[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*outer, *(text for _, text in inner)]))


def _runs_on(piece: Piece, following: Piece) -> bool:
    """A paragraph that a page's end broke."""
    return (
        piece.kind == following.kind == "paragraph"
        and piece.sources[-1].page != following.sources[0].page
        and following.text[:1].islower()
        and not SENTENCE_END.search(piece.text)
    )


def _both(one: tuple[Source, ...], other: tuple[Source, ...]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys([*one, *other]))


def passages(found: Iterable[Piece]) -> Iterator[Passage]:
    """Passages of about TARGET characters. A short section takes in the next, its heading written above."""
    held: Passage | None = None
    for passage in _sections(found):
        if held and len(held.text) < SHORTEST and len(held.text) + len(passage.text) < LONGEST:
            text = _headed(passage) if passage.heading != held.heading else passage.text
            held = replace(held, text=f"{held.text}\n\n{text}", sources=_both(held.sources, passage.sources))
            continue
        if held:
            yield held
        held = passage
    if held:
        yield held


def _headed(passage: Passage) -> str:
    return (
        f"{'#' * min(len(passage.heading), 6)} {passage.heading[-1]}\n\n{passage.text}"
        if passage.heading
        else passage.text
    )


def _sections(found: Iterable[Piece]) -> Iterator[Passage]:
    texts: list[str] = []
    sources: tuple[Source, ...] = ()
    heading: tuple[str, ...] = ()
    part = 1
    for piece in found:
        for text in _cut(piece):
            new = piece.heading != heading
            if texts and (new or sum(map(len, texts)) + len(text) > LONGEST or sum(map(len, texts)) > TARGET):
                yield Passage("\n\n".join(texts), heading, sources, part)
                texts, sources, part = [], (), 1 if new else part + 1
            heading = piece.heading
            texts.append(text)
            sources = _both(sources, piece.sources)
    if texts:
        yield Passage("\n\n".join(texts), heading, sources, part)


def _cut(piece: Piece) -> Iterator[str]:
    """A paragraph or list that is too long for one passage, at sentence ends or items."""
    if len(piece.text) <= LONGEST or piece.kind in ("table", "code"):
        yield piece.text
        return
    parts = SENTENCE.split(piece.text)
    mark = " "
    if piece.kind == "list" or len(parts) == 1:
        parts, mark = piece.text.split("\n"), "\n"
    held = ""
    for part in _short_enough(parts):
        if held and len(held) + len(part) > TARGET:
            yield held
            held = ""
        held = f"{held}{mark}{part}" if held else part
    yield held


def _short_enough(parts: Iterable[str]) -> Iterator[str]:
    for part in parts:
        while len(part) > LONGEST:
            cut = part.rfind(" ", 0, TARGET)
            cut = cut if cut > 0 else TARGET
            yield part[:cut]
            part = part[cut:].lstrip()
        if part:
            yield part


def sentences(text: str) -> list[str]:
    return [sentence for sentence in SENTENCE.split(text) if sentence]


def ending(text: str, most: int = 300) -> str:
    """The last sentences, at most so many characters: enough to go on from."""
    last = text.strip().rsplit("\n\n", 1)[-1]
    kept = ""
    for sentence in reversed(sentences(last)):
        if kept and len(kept) + len(sentence) >= most:
            break
        kept = f"{sentence} {kept}".strip()
    return kept if len(kept) <= most else "…" + kept[len(kept) - most :].split(" ", 1)[-1]
