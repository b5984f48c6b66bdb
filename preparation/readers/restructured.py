"""reStructuredText, by docutils, turned into HTML; directives and roles it does not know keep their content.

Nothing is included or fetched: files, raw content and settings in the document are switched off.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.core import publish_parts
from docutils.parsers.rst import Directive, directives, roles
from lxml.html import HtmlElement

from preparation.readers import Unreadable, undamaged
from preparation.readers.document import rows
from preparation.readers.encoding import read_text
from preparation.readers.markup import blocks, parsed
from records import Drop, Row, Source

LARGEST = 1 << 23  # bytes; docutils takes seconds for each megabyte
NAMED = re.compile(r"^[ \t]*\.\. (?:\|[^|\n]+\| )?([\w:+.-]+?)::(?:\s|$)", re.MULTILINE)
ROLE = re.compile(r":([\w:+.-]+):`")
SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 6,
    "syntax_highlight": "none",
    "math_output": "LaTeX",
    "initial_header_level": 1,
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "input_encoding": "unicode",
    "line_length_limit": 1_000_000,
}
SILENT = frozenset(
    (
        "toctree",
        "index",
        "only",
        "highlight",
        "currentmodule",
        "automodule",
        "autoclass",
        "autofunction",
        "contents",
        "include",
        "image",
        "raw",
        "csv-table-file",
        "meta",
        "sectnum",
        "header",
        "footer",
    )
)
CODE = frozenset(("code-block", "sourcecode", "literalinclude", "doctest", "testcode", "ipython", "prompt"))
TARGET = re.compile(r"\s*<[^<>]*>$")


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    if path.stat().st_size > LARGEST:
        raise Unreadable("It is larger than the 8 MB that an RST document may have", "split it")
    with undamaged("RST document"):
        document = read_text(path)
        _learn(document)
        body = publish_parts(document, writer="html5", settings_overrides=SETTINGS)["html_body"]
        root = parsed(f"<html><body>{body}</body></html>")
        items = [] if root is None else list(rows(blocks(_named(root)), source))
    yield from items


def _named(root: HtmlElement) -> HtmlElement:
    """The document with code called code, and its language where other pages have it."""
    for words in root.find_class("literal"):
        words.tag = "code"
    for code in root.iter("pre"):
        if language := code.get("lang"):
            code.set("class", f"language-{language}")
    return root


class Content(Directive):
    """A directive that nobody told docutils of: its content counts, its options do not."""

    has_content = True
    optional_arguments = 100
    final_argument_whitespace = True
    option_spec: ClassVar[Any] = type(
        "Any", (dict,), {"__missing__": lambda self, key: str, "__bool__": lambda self: True}
    )()

    def run(self) -> list[nodes.Node]:
        name = self.name.rpartition(":")[2]
        if name in SILENT:
            return []
        text = "\n".join(self.content)
        if name in CODE:
            return [
                nodes.literal_block(
                    text, text, classes=["code", f"language-{self.arguments[0]}"] if self.arguments else []
                )
            ]
        parent = nodes.container()
        if self.arguments and name not in ("versionadded", "versionchanged", "deprecated"):
            parent += nodes.paragraph("", self.arguments[0])
        self.state.nested_parse(self.content, self.content_offset, parent)
        return [parent]


def _learn(document: str) -> None:
    """Make every directive and role that the document names known to docutils."""
    for name in {*NAMED.findall(document), "code-block", "contents", "image", "figure-image"}:
        if name in SILENT or name in CODE or name not in directives._directive_registry:
            directives.register_directive(name, Content)
    for name in set(ROLE.findall(document)):
        if name not in roles._role_registry and name.lower() not in roles._roles:
            roles.register_local_role(name, _words)


def _words(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = None
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    words = TARGET.sub("", nodes.unescape(text)) or text
    code = name.rpartition(":")[2] in (
        "func",
        "class",
        "meth",
        "mod",
        "attr",
        "data",
        "exc",
        "obj",
        "file",
        "command",
        "option",
        "envvar",
    )
    return [nodes.literal(rawtext, words.lstrip("~")) if code else nodes.inline(rawtext, words)], []
