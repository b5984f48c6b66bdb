import json
from typing import Any

import pytest

ANSWER = "<p>In <b>two</b> days &amp; nights.</p><ul><li>By ship</li></ul>"


def question(name: str, answer: Any) -> dict[str, Any]:
    return {"@type": "Question", "name": name, "acceptedAnswer": {"@type": "Answer", "text": answer}}


def page(data: Any, body: str = "<div id='app'></div>") -> str:
    written = data if isinstance(data, str) else json.dumps(data)
    script = f"<script type='application/ld+json'>{written}</script>"
    return f"<!doctype html><html><head><title>Help</title>{script}</head><body>{body}</body></html>"


@pytest.mark.parametrize("wrapped", [False, True])
def test_questions_that_only_a_script_shows_are_read(read, wrapped: bool) -> None:
    asked = {"@type": ["FAQPage"], "mainEntity": [question("When does it come?", ANSWER)]}
    (row,) = read("faq.html", page({"@graph": [{"@type": "WebSite"}, asked]} if wrapped else asked))
    assert row.heading == ("When does it come?",)
    assert row.text == "In two days & nights.\n\n- By ship"


def test_of_a_forum_the_accepted_answer_counts_else_the_one_with_most_votes(read) -> None:
    votes = [{"@type": "Answer", "text": f"Answer {n}.", "upvoteCount": n} for n in (1, 3, 2)]
    open_one = {"@type": "Question", "name": "Which one?", "suggestedAnswer": votes}
    settled = {**question("And now?", "This one."), "suggestedAnswer": votes}
    rows = read("forum.html", page([{"@type": "QAPage", "mainEntity": one} for one in (open_one, settled)]))
    assert [(row.heading[-1], row.text) for row in rows] == [
        ("Which one?", "Answer 3."),
        ("And now?", "This one."),
    ]


def test_what_the_page_shows_is_not_told_twice(read) -> None:
    shown = (
        "<h2>When does it come?</h2><p>In two days &amp; nights.</p><ul><li>By ship</li></ul><h2>Why?</h2>"
    )
    data = {
        "@type": "FAQPage",
        "mainEntity": [question("When does it come?", ANSWER), question("Why?", "So.")],
    }
    rows = read("faq.html", page(data, shown))
    texts = [row.text for row in rows if hasattr(row, "text")]
    assert texts == ["In two days & nights.\n\n- By ship", "So."]


def test_an_article_is_taken_where_the_page_shows_nothing(read) -> None:
    data = {"@type": "NewsArticle", "headline": "Ferries", "articleBody": "They sail.\nEvery night."}
    (row,) = read("news.html", page(data))
    assert (row.heading, row.text) == (("Ferries",), "They sail.\nEvery night.")
    (row,) = read("news.html", page(data, "<p>They sail. Every night, in winter too.</p>"))
    assert row.text == "They sail. Every night, in winter too."


def test_broken_data_costs_nothing(read) -> None:
    (row,) = read("page.html", page('{"@type": "Question", ', "<p>They sail every night.</p>"))
    assert row.text == "They sail every night."
