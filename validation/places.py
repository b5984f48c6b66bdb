"""Says where something is, in the words of a person's own files: "tickets.csv, rows 12, 15"."""

from collections.abc import Mapping, Sequence

from records import FileReport, Source

PARTS = ("page", "line", "row", "element")


def names_of(files: Sequence[FileReport]) -> dict[str, str]:
    """The names that a person gave, by URI."""
    return {file.uri: file.name for file in files}


def place(source: Source, names: Mapping[str, str]) -> str:
    """For example `faq/money.md, page 2, row 7`."""
    return ", ".join([_name(source, names), *_parts(source)])


def places(sources: Sequence[Source], names: Mapping[str, str], total: int, most: int = 5) -> str:
    """The first few, each file named once, and how many more there are; "" for none."""
    by_file: dict[str, list[Source]] = {}
    for source in sources[:most]:
        by_file.setdefault(_name(source, names), []).append(source)
    listed = "; ".join(", ".join([name, *_together(found)]) for name, found in by_file.items())
    more = max(total, len(sources)) - min(len(sources), most)
    return f"{listed} and {more:,} more" if listed and more else listed


def _together(sources: Sequence[Source]) -> list[str]:
    """`rows 3, 6, 7` where rows are all there is to say, else each place on its own."""
    parts = [_parts(source) for source in sources]
    kinds = {tuple(part.split()[0] for part in one) for one in parts}
    if len(sources) > 1 and len(kinds) == 1 and len(parts[0]) == 1:
        return [f"{parts[0][0].split()[0]}s {', '.join(one[0].split()[1] for one in parts)}"]
    return [" ".join(one) for one in parts if one]


def _name(source: Source, names: Mapping[str, str]) -> str:
    return names.get(source.uri) or source.uri.rstrip("/").rpartition("/")[2]


def _parts(source: Source) -> list[str]:
    return [f"{part} {value}" for part in PARTS if (value := getattr(source, part)) is not None]
