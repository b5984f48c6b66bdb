import pytest

from preparation.unmarking import plain, plain_row
from records import Message, Row, Source

HERE = Source(uri="/data/a.csv", row=1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Line one<br>line two<br/>three", "Line one\nline two\nthree"),
        ("<b>Hello</b>\nyou there", "Hello\nyou there"),
        ("Tom &amp; Ann&#39;s", "Tom & Ann's"),
        ("&lt;p&gt;Twice escaped&lt;/p&gt;", "Twice escaped"),
        ("Use &lt;br&gt; to part lines", "Use <br> to part lines"),
        ("<p>Set <code>&lt;b&gt;</code></p>", "Set `<b>`"),
        ("a<b and c>d", "a<b and c>d"),
        ("Press <b> to go", "Press <b> to go"),
        (
            "See <https://example.org> and <ann@example.org>",
            "See <https://example.org> and <ann@example.org>",
        ),
        ("```\n<p>code</p>\n```", "```\n<p>code</p>\n```"),
        ("AT&T and R&D; fish & chips", "AT&T and R&D; fish & chips"),
    ],
)
def test_markup_becomes_text_and_text_stays(written: str, meant: str) -> None:
    assert plain(written) == meant


def test_a_row_about_markup_keeps_it() -> None:
    row = Row(source=HERE, fields={"task": "Write a title in HTML", "output": "<h1>Ferries</h1>"})
    assert plain_row(row) is row


def test_a_text_that_shows_markup_as_code_is_rich_itself() -> None:
    row = Row(source=HERE, fields={"title": "Titles in HTML", "body": "<p>Use</p><pre>&lt;h1&gt;</pre>"})
    assert plain_row(row).fields["body"] == "Use\n\n```\n<h1>\n```"


@pytest.mark.parametrize(
    ("asked", "answered"), [("<p>Is it late?</p>", "It is."), ("Late?", "<p>It is.</p>")]
)
def test_in_dialogues_markup_goes_where_the_question_holds_some(asked: str, answered: str) -> None:
    said = (Message(role="user", content=asked), Message(role="assistant", content="<p>It is.</p>"))
    row = plain_row(Row(source=HERE, messages=said))
    assert row.messages[1].content == answered


def test_headings_and_lists_become_markdown() -> None:
    assert plain("<h2>Fares</h2><ol><li>Ten</li></ol>") == "## Fares\n\n1. Ten"
