"""Labelled texts as fastText takes them: `__label__NAME` once or more, then the text; one a line."""

import re
from collections.abc import Iterator
from pathlib import Path

from preparation.readers.encoding import open_text
from preparation.readers.text import LONGEST_LINE
from records import Drop, Row, Source

MARK = "__label__"
BEGINS = re.compile(rf"{MARK}\S+[^\n]*\n+{MARK}\S")


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with open_text(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if not line.strip():
                continue
            place = Source(uri=source.uri, row=number)
            words = line.split()
            labels = [word.removeprefix(MARK) for word in words if word.startswith(MARK)]
            text = " ".join(word for word in words if not word.startswith(MARK))
            yield Row(source=place, fields={"text": text, "label": ", ".join(labels)})
