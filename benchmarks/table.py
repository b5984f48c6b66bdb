"""What a benchmark found, as Markdown for docs/."""

from collections.abc import Mapping


def figures(rows: Mapping[str, str]) -> str:
    """A line a figure: its name and its value."""
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items())])
