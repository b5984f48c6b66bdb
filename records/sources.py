"""Files that were read: what became of each, where in them a thing came from, and what was left out."""

from pydantic import Field, field_validator

from records.record import Record


def shown(name: str) -> str:
    """The name of a file on one line: line breaks in it, and what would steer a terminal, are escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in name
    )


class Source(Record):
    """Where a thing came from. Pages, lines, rows and elements are counted from 1."""

    uri: str
    page: int | None = None
    line: int | None = None
    row: int | None = None
    element: int | None = None

    def __str__(self) -> str:
        places = [
            f"{name} {value}"
            for name in ("page", "line", "row", "element")
            if (value := getattr(self, name)) is not None
        ]
        return ", ".join([shown(self.uri), *places])


class Drop(Record):
    """A row that was left out, with its first words."""

    source: Source
    reason: str
    excerpt: str = ""


class FileReport(Record):
    """What became of one file. `reason` says why it was not used."""

    uri: str
    name: str = Field(description="path below the source that was given")
    sha256: str = ""
    bytes: int = 0
    rows: int = 0
    used: bool = True
    reason: str = ""
    held: bool = Field(False, description="its examples measure the model; none of them is trained on")

    @field_validator("name")
    @classmethod
    def _on_one_line(cls, name: str) -> str:
        return shown(name)
