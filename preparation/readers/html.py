"""Web pages: trafilatura says which words are the main text, the page itself how they are written.

trafilatura finds the main text best of all but loses code, cells and headings on the way; so its text only
decides which blocks of the page are kept; what stands between these and is no list of links comes too.
"""

import codecs
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import trafilatura
from lxml.html import HtmlElement

from preparation.readers import Unreadable, undamaged
from preparation.readers.document import Block, rows
from preparation.readers.encoding import encoding_of
from preparation.readers.markup import blocks, parsed
from preparation.readers.structured_data import things, untold
from records import Drop, Row, Source

LARGEST = 1 << 25  # bytes
HEAD = 1 << 12
DECLARED = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)""", re.IGNORECASE)
FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:nav(?:bar|igation)?|menu|breadcrumbs?|cookies?|consent|gdpr|banner|footer|sidebar|share|sharing|social"
    r"|newsletter|subscribe|related|recommend(?:ed|ations?)|advert(?:isement)?|ads?|promo|pagination|pager|toc|catlinks"
    r"|comments?|skip-?link|popup|modal|byline|rating|tags|mw-editsection|headerlink|navbox)(?:$|[\s_-])",
    re.IGNORECASE,
)
ROLES = frozenset(
    ("navigation", "banner", "contentinfo", "search", "dialog", "complementary", "menu", "alert")
)
TAGS = frozenset(("nav", "footer", "aside"))
WORD = re.compile(r"\w+")
SHINGLE = 3
COVERED = 0.5  # share of a block's shingles that are in the main text
LINKED = 0.5  # share of a block's letters that are links, above which it only leads elsewhere
UNLINKED = (
    0.01  # share of a page's letters that are links, below which it is a document and no page of a site
)
LEAST = 0.25  # share of the page's words, furniture aside, that a credible main text has

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


class Found:
    """A block, and the element it came from."""

    __slots__ = ("block", "element", "keep", "words")

    def __init__(self, block: Block, element: HtmlElement):
        self.block = block
        self.element = element
        self.words = WORD.findall(block.text.casefold())
        self.keep = False


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 32 MB that a web page may have", "save its text alone")
    with undamaged("web page"):
        content = path.read_bytes()
        items = list(page_rows(_decoded(path, content), source))
    if not items:
        raise Unreadable("It holds no text")
    yield from items


def page_rows(page: str, source: Source) -> Iterator[Row | Drop]:
    root = parsed(page)
    if root is None:
        return
    title = " ".join((root.findtext(".//title") or "").split())
    told = things(root)
    found = main_blocks(root)
    found.extend(untold(told, found))
    first = next((block.text for block in found if block.level), "")
    # where there are headings, the page's name only repeats one and adds that of the site
    yield from rows(found, source, "" if first else title)


def main_blocks(root: HtmlElement) -> list[Block]:
    """The blocks of the page's main text. Takes what is plainly furniture out of `root`."""
    linked = _linked(root)
    text = (
        ""
        if linked < UNLINKED
        else trafilatura.extract(root, favor_recall=True, include_comments=False, include_links=False)
    )
    _strip(root)
    elements: list[HtmlElement] = []

    def note(element: HtmlElement, words: str) -> bool:
        elements.append(element)
        return True

    all_blocks = list(blocks(root, note))
    found = [Found(*pair) for pair in zip(all_blocks, elements, strict=True)]
    words = WORD.findall((text or "").casefold())
    if len(words) < LEAST * sum(len(one.words) for one in found):
        _keep_unlinked(found)
    else:
        _keep_covered(found, words)
        _keep_between(found)
    return [one.block for one in found if one.keep]


def _strip(root: HtmlElement) -> None:
    body = root.find("body")
    whole = _length(body if body is not None else root)
    for element in list(root.iter()):
        if element in (root, body) or element.tag in ("html", "body", "main", "article"):
            continue
        if _is_furniture(element) and (_length(element) < 0.4 * whole or element.tag in TAGS):
            element.drop_tree()


def _is_furniture(element: HtmlElement) -> bool:
    if element.tag in TAGS or element.get("role") in ROLES:
        # an article may have a header, footer or aside of its own that belongs to it
        return not (
            element.tag in ("footer", "aside") and _length(element) > 200 and not _linked(element) > 0.1
        )
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    return len(names) > 2 and bool(FURNITURE.search(names))


def _length(element: HtmlElement) -> int:
    return sum(len(words.strip()) for words in element.itertext() if words)


def _linked(element: HtmlElement) -> float:
    return sum(_length(link) for link in element.iter("a")) / max(1, _length(element))


def _shingles(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + SHINGLE]) for at in range(len(words) - SHINGLE + 1)}


def _keep_covered(found: Sequence[Found], main: Sequence[str]) -> None:
    known = _shingles(main)
    for one in found:
        mine = _shingles(one.words)
        one.keep = bool(mine) and len(mine & known) >= COVERED * len(mine)
    leading = [one for one in found if one.keep and _only_leads(one)]
    # a page that is an index consists of links
    if 2 * sum(len(one.words) for one in leading) < sum(len(one.words) for one in found if one.keep):
        for one in leading:
            one.keep = False


def _keep_between(found: Sequence[Found]) -> None:
    """Also what stands between kept blocks, or right above them as a heading, inside what holds them all."""
    kept = [at for at, one in enumerate(found) if one.keep]
    if not kept:
        return
    first, last = kept[0], kept[-1]
    while first and found[first - 1].block.level and not found[first].block.level:
        first -= 1
    home = _home([found[at].element for at in kept])
    for one in found[first : last + 1]:
        one.keep = one.keep or (_is_in(one.element, home) and not _only_leads(one))
    for one in found[last + 1 :]:
        kind = one.element.tag in ("pre", "table", "ul", "ol", "dl", "p", "blockquote")
        if not (kind and _is_in(one.element, home) and home.tag in ("main", "article")) or _only_leads(one):
            break
        one.keep = True


def _home(elements: Sequence[HtmlElement]) -> HtmlElement:
    """The innermost element that holds them all."""
    shared = [elements[0], *elements[0].iterancestors()]
    for element in elements[1:]:
        around = {element, *element.iterancestors()}
        shared = [place for place in shared if place in around]
    return shared[0]


def _is_in(element: HtmlElement, home: HtmlElement) -> bool:
    return element is home or home in element.iterancestors()


def _only_leads(one: Found) -> bool:
    return one.element.tag != "pre" and _linked(one.element) > LINKED


def _keep_unlinked(found: Sequence[Found]) -> None:
    for one in found:
        one.keep = not _only_leads(one)


def _decoded(path: Path, content: bytes) -> str:
    """In the encoding that the page declares, if its bytes do not say otherwise."""
    encoding = encoding_of(path)
    declared = DECLARED.search(content[:HEAD])
    if declared and not encoding.startswith("utf"):
        name = declared[1].decode("ascii").lower()
        # what browsers do: the Windows code page is a superset
        name = "cp1252" if name in ("iso-8859-1", "latin1", "us-ascii") else name
        with suppress(LookupError):
            encoding = encoding if name.startswith("utf") else codecs.lookup(name).name
    return content.decode(encoding, "stray_bytes")
