"""Damaged copies of every sample, and anything at all under any ending: read, or told why not, no more.

`pytest --hypothesis-profile deep tests/preparation/readers/test_damage.py` tries twenty-five times as many;
`python -m benchmarks.damage FOLDER` damages files of your own.
"""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preparation.ingest import ingest
from preparation.readers import ENDINGS, Unreadable
from records import Row
from tests.preparation.damage import damaged
from tests.preparation.samples import samples

assert settings.default is not None
some = settings(
    max_examples=max(1, settings.default.max_examples // 12),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
CHANCE = st.randoms(use_true_random=False)
MARKS = [
    "{\\rtf1",
    "<a>",
    "</a>",
    "<?xml",
    "&x;",
    "|",
    "---",
    "```",
    "# ",
    "* ",
    "=====",
    '"',
    "{",
    "}",
    "[",
    "]",
]
MARKS += [
    ",",
    ";",
    "\t",
    "\n",
    "\n\n",
    "From: a@b.c",
    "1",
    "word",
    ":",
    ".. x::",
    "#+BEGIN",
    "\\'e4",
    "\ufeff",
]
TEXT = st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=5))).map("".join)


def read_or_told(read, name: str, content: bytes) -> None:
    try:
        read(name, content)
    except Unreadable as error:
        assert error.reason
        assert str(error).endswith(".")


@pytest.mark.parametrize("name", sorted(samples()))
def test_damage_is_told_or_harmless(read, name: str) -> None:
    assert read(name, samples()[name])

    @some
    @given(CHANCE)
    def hold(chance: random.Random) -> None:
        read_or_told(read, name, damaged(samples()[name], chance))

    hold()


@pytest.mark.parametrize("ending", [endings[0] for endings in ENDINGS.values()])
def test_anything_under_any_ending_is_told_or_harmless(read, ending: str) -> None:
    @some
    @given(st.one_of(TEXT.map(str.encode), st.binary()))
    def hold(content: bytes) -> None:
        read_or_told(read, f"anything{ending}", content)

    hold()


def test_no_neighbour_of_damaged_files_is_lost(read, tmp_path: Path) -> None:
    chance = random.Random(7)
    for name, content in samples().items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / f"hurt-{name}").write_bytes(damaged(content, chance))
    files = ingest([str(tmp_path)], tmp_path / "out").files
    assert all(file.used or file.reason for file in files)
    found = {file.name: file.rows for file in files if file.used}
    for name, content in samples().items():
        assert found[name] == sum(isinstance(item, Row) for item in read(name, content))
