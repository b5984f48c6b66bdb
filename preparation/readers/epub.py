"""E-books: the chapters in reading order, each as its XHTML says; the navigation is left out."""

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from preparation.readers import Unreadable, package, undamaged
from preparation.readers.document import Block, rows
from preparation.readers.markup import blocks, parsed
from records import Drop, Row, Source

LARGEST_CHAPTER = 1 << 25


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with undamaged("e-book"), package.opened(path, "e-book") as archive:
        if "META-INF/encryption.xml" in archive.namelist() and "META-INF/rights.xml" in archive.namelist():
            raise Unreadable("The e-book is locked by its seller", "give a copy without copy protection")
        title, chapters = _spine(archive)
        found = [block for chapter in chapters for block in _chapter(archive, chapter)]
        items = list(rows(found, source, title))
    yield from items


def _spine(archive: zipfile.ZipFile) -> tuple[str, list[str]]:
    """The book's title, and its chapters in the order they are read."""
    container = package.xml(archive.read("META-INF/container.xml"))
    place = next(container.iter("{*}rootfile")).get("full-path")
    book = package.xml(archive.read(place))
    items = {item.get("id"): item for item in book.iter("{*}item")}
    spine = [items[at.get("idref")] for at in book.iter("{*}itemref") if at.get("idref") in items]
    pages = [item for item in spine if "nav" not in (item.get("properties") or "").split()]
    folder = posixpath.dirname(place)
    title = (
        "".join(next(book.iter("{*}title")).itertext())
        if next(book.iter("{*}title"), None) is not None
        else ""
    )
    places = [posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or ""))) for item in pages]
    return " ".join(title.split()), places


def _chapter(archive: zipfile.ZipFile, place: str) -> Iterator[Block]:
    if place not in archive.namelist() or archive.getinfo(place).file_size > LARGEST_CHAPTER:
        return
    root = parsed(archive.read(place))
    if root is not None:
        for nav in root.xpath("//nav"):
            nav.drop_tree()
        yield from blocks(root)
