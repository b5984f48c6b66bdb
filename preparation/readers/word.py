"""Word documents, by mammoth, which knows headings, numbered lists, notes and tracked changes by their styles."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mammoth

from preparation.readers import package, undamaged
from preparation.readers.document import rows
from preparation.readers.markup import blocks, parsed
from records import Drop, Row, Source

WORDS = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
CODE = ("Code", "Source Code", "HTML Preformatted", "Preformatted Text", "Macro Text")
STYLES = "\n".join(
    (
        "p[style-name='Title'] => h1:fresh",
        "p[style-name='Subtitle'] => p:fresh",
        "comment-reference => ",
        *(f"p[style-name='{name}'] => pre:separator('\\n')" for name in CODE),
    )
)


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with undamaged("Word document"):
        with package.opened(path, "Word document") as archive:
            styles = _own_headings(archive)
        with open(path, "rb") as file:
            found = mammoth.convert_to_html(
                file, style_map="\n".join([STYLES, *styles]), convert_image=_nothing, include_embedded_style_map=False
            )
        root = parsed(found.value) if found.value else None
        items = [] if root is None else list(rows(blocks(root), source))
    yield from items


@mammoth.images.img_element
def _picture(image: Any) -> dict[str, str]:
    return {}


def _nothing(image: Any) -> list[Any]:
    return []


def _own_headings(archive: Any) -> list[str]:
    """A person's own styles that are headings: based on one, or with an outline level."""
    if "word/styles.xml" not in archive.namelist():
        return []
    root = package.xml(archive.read("word/styles.xml"))
    styles = {style.get(f"{WORDS}styleId"): style for style in root.iter(f"{WORDS}style")}
    found = []
    for name, style in styles.items():
        level = _level(style, styles)
        if name and level is not None and not name.lower().startswith("heading") and "'" not in name:
            found.append(f"p.{name} => h{min(level, 6)}:fresh" if name.isalnum() else "")
    return list(filter(None, found))


def _level(style: Any, styles: dict[str, Any]) -> int | None:
    for _ in range(10):
        outline = style.find(f"{WORDS}pPr/{WORDS}outlineLvl")
        if outline is not None:
            value = outline.get(f"{WORDS}val", "9")
            return int(value) + 1 if value.isdigit() and int(value) < 9 else None
        name = (style.find(f"{WORDS}name").get(f"{WORDS}val") or "").lower() if style.find(f"{WORDS}name") is not None else ""
        if name.startswith("heading ") and name[8:].isdigit():
            return int(name[8:])
        above = style.find(f"{WORDS}basedOn")
        style = styles.get(above.get(f"{WORDS}val")) if above is not None else None
        if style is None:
            return None
    return None
