"""Documents that come as a zip archive of XML: opened within limits, their XML without entities."""

import zipfile
from pathlib import Path
from typing import Any

from lxml import etree

from preparation.readers import Unreadable

LARGEST = 1 << 29  # bytes that all parts may unfold to; documents of such a size are hardly text
DENSEST = 200  # times its packed size that a document may unfold to, if that is more than `DENSE_FROM`
DENSE_FROM = 1 << 26
MOST_PARTS = 50_000


def opened(path: Path, what: str) -> zipfile.ZipFile:
    """The archive, if its parts are within the limits. Raises Unreadable."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, OSError) as error:
        raise Unreadable(f"The {what} is damaged", "open it in its program and save it anew") from error
    parts = archive.infolist()
    size = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or size > LARGEST or size > max(DENSE_FROM, DENSEST * path.stat().st_size):
        archive.close()
        raise Unreadable(f"The {what} unfolds to {size:,} bytes", "split it, or save it without its pictures")
    if any(part.flag_bits & 1 for part in parts):
        archive.close()
        raise Unreadable("It needs a password", "save a copy without one")
    return archive


def xml(content: bytes) -> Any:
    """The root of an XML part. Raises ValueError for one that is broken or declares entities, by which a
    small file could unfold to anything; nothing is fetched."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error
    if declares_entities(root):
        raise ValueError("it declares entities")
    return root


def declares_entities(root: Any) -> bool:
    declared = root.getroottree().docinfo.internalDTD
    return declared is not None and any(True for _ in declared.iterentities())
