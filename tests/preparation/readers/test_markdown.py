import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preparation.readers import Unreadable
from preparation.readers.text import SECTION
from records import Drop, Row

GUIDE = """Before all headings.

# Guide to *returns* {#guide}

Read it.

## When `you` may [return](http://x)

| Item | Days |
|------|------|
| Lamp | 30   |

```sh
# no heading
```

Setext
------

- one
- two

> # quoted

#### Deep

Deep text.

# End

Bye.
"""


def test_sections_stand_under_their_headings(read) -> None:
    rows = read("guide.md", GUIDE)
    assert [(row.heading, row.source.line) for row in rows] == [
        ((), 1),
        (("Guide to returns",), 3),
        (("Guide to returns", "When you may return"), 7),
        (("Guide to returns", "Setext"), 17),
        (("Guide to returns", "Setext", "Deep"), 25),
        (("End",), 29),
    ]
    assert rows[2].text == "| Item | Days |\n|------|------|\n| Lamp | 30   |\n\n```sh\n# no heading\n```"
    assert rows[3].text == "- one\n- two\n\n> # quoted"


def test_front_matter_gives_the_title_and_no_text(read) -> None:
    rows = read("post.md", '---\ntitle: "My post"\ntags: [a]\n---\n\nHello.\n\n## Part\n\nText.\n')
    assert [(row.heading, row.text, row.source.line) for row in rows] == [
        (("My post",), "Hello.", 6),
        (("My post", "Part"), "Text.", 8),
    ]
    (row,) = read("toml.md", "+++\ntitle = 'Other'\n+++\n# Other\nText.\n")
    assert row.heading == ("Other",)


def test_a_rule_at_the_top_is_no_front_matter(read) -> None:
    rows = read("rule.md", "---\n\nJust text.\n\n---\n\nMore.\n")
    assert "Just text." in rows[0].text


def test_a_heading_with_nothing_under_it_is_dropped_but_not_one_with_parts(read) -> None:
    items = read("empty.md", "# Whole\n\n## Part\n\nText.\n\n## Nothing\n\n# End\n")
    assert [(item.reason, item.source.line, item.excerpt) for item in items if isinstance(item, Drop)] == [
        ("a heading with nothing under it", 7, "Nothing"),
        ("a heading with nothing under it", 9, "End"),
    ]


def test_a_paragraph_above_dashes_is_no_heading(read) -> None:
    paragraph = "This is a long paragraph that somebody closed with a line of dashes. " * 4
    (row,) = read("dashes.md", f"{paragraph}\n---\nMore.\n")
    assert row.heading == ()
    assert row.text.startswith("This is a long paragraph")


def test_a_long_section_is_cut_between_blocks_and_not_inside_code(read) -> None:
    block = "```\n" + "line of code\n\n" * 100 + "```\n"
    rows = read("code.md", "# Code\n\n" + block * 6)
    assert len(rows) > 1
    assert all(row.heading == ("Code",) and row.text.count("```") % 2 == 0 for row in rows)
    assert all(len(row.text) <= SECTION for row in rows)


def test_umlauts_of_windows_files_are_right(read) -> None:
    (row,) = read("umlauts.md", "# Größe\n\nschön".encode("cp1252"))
    assert (row.heading, row.text) == (("Größe",), "schön")


MARKS = [
    "# Title ",
    "## ",
    "word ",
    "> ",
    "- ",
    "```",
    "~~~",
    "|a|b|\n|-|-|\n",
    "---",
    "===",
    "<div>",
    "    ",
    "\n",
    "\n\n",
    "\\",
    "[x]: y",
    "***",
    "`",
    "&amp;",
]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(MARKS), max_size=40))
def test_no_word_is_lost(read, parts: list[str]) -> None:
    text = "start\n\n" + "".join(parts)
    try:
        items = read("any.md", text)
    except Unreadable:
        raise AssertionError("a text that begins with a word is readable") from None
    held = " ".join(
        item.excerpt if isinstance(item, Drop) else " ".join([*item.heading, item.text]) for item in items
    )
    assert isinstance(items[0], Row | Drop)
    assert len(re.findall("word", held)) >= len(re.findall("word", text))
