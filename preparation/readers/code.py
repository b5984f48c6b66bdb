"""Source code: fenced by its language under the file's name, cut between top-level definitions."""

import re
from collections.abc import Iterator
from pathlib import Path

from preparation.readers.document import fenced
from preparation.readers.encoding import open_text
from preparation.readers.text import SECTION, Line, sections
from records import Drop, Row, Source

LANGUAGES = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript", ".ts": "typescript",
    ".kt": "kotlin", ".rs": "rust", ".h": "c", ".cc": "cpp", ".hpp": "cpp", ".cs": "csharp",
    ".m": "objectivec",
    ".rb": "ruby", ".pl": "perl", ".jl": "julia", ".ex": "elixir", ".exs": "elixir", ".erl": "erlang",
    ".hs": "haskell", ".ml": "ocaml", ".clj": "clojure", ".sh": "bash", ".zsh": "bash", ".ps1": "powershell",
    ".yml": "yaml", ".cfg": "ini", ".conf": "ini", ".tf": "hcl", ".gradle": "groovy", ".tex": "latex",
}  # fmt: skip
BEGINS = re.compile(r"[^\s)}\]#/*]|#\[|//|/\*|#\s")
LONGEST_LINE = 1 << 16  # a longer one was made by a program
MINIFIED = 1000  # characters a line on average


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    name = Path(source.uri).name
    ending = Path(name).suffix.lower()
    language = LANGUAGES.get(ending, ending[1:])
    with open_text(path) as file:
        for number, text in sections(_lines(iter(lambda: file.readline(LONGEST_LINE), ""))):
            place = Source(uri=source.uri, line=number)
            if len(text) > MINIFIED * (text.count("\n") + 1):
                yield Drop(source=place, reason="code that no person wrote", excerpt=text[:100])
            else:
                yield Row(source=place, text=fenced(text, language), heading=(name,))


def _lines(written: Iterator[str]) -> Iterator[Line]:
    blank = True
    for number, raw in enumerate(written, 1):
        line = raw.rstrip()
        yield Line(number, line[: 2 * SECTION], blank and bool(BEGINS.match(line)))
        blank = not line
