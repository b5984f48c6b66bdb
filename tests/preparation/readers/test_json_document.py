import json
from typing import Any

import pytest

from preparation.readers import Unreadable, json_document
from records import Row

PAIRS = [{"question": "Why?", "answer": "So."}, {"question": "Who?", "answer": "She."}]
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize(
    "document",
    [
        PAIRS,
        {"data": PAIRS},
        {"version": 2, "result": {"page": {"items": PAIRS}}},
        {"train": PAIRS[:1], "test": PAIRS[1:]},
        {"description": "Two pairs.", "data": PAIRS * 1},
        {"q1": PAIRS[0], "q2": PAIRS[1]},
        {"question": ["Why?", "Who?"], "answer": ["So.", "She."]},
        {"question": {"0": "Why?", "1": "Who?"}, "answer": {"0": "So.", "1": "She."}},
        [["question", "answer"], ["Why?", "So."], ["Who?", "She."]],
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_records_are_found_wherever_they_lie(read, document: Any, indent: int | None) -> None:
    rows = read("pairs.json", json.dumps(document, indent=indent))
    assert [row.fields for row in rows] == PAIRS


def test_elements_are_counted_from_one(read) -> None:
    assert [row.source.element for row in read("pairs.json", json.dumps(PAIRS))] == [1, 2]


def test_one_object_is_one_record(read) -> None:
    (row,) = read("one.json", json.dumps(PAIRS[0]))
    assert row.fields == PAIRS[0]


def test_objects_that_follow_one_another_are_all_read(read) -> None:
    rows = read("many.json", "\n".join(json.dumps(pair, indent=1) for pair in PAIRS))
    assert [row.fields for row in rows] == PAIRS


@pytest.mark.parametrize(
    "document", [{"messages": TURNS}, TURNS, [{"messages": TURNS}], [TURNS], {"chats": [TURNS]}]
)
def test_dialogues_become_messages(read, document: Any) -> None:
    (row,) = read("chat.json", json.dumps(document))
    assert [message.content for message in row.messages] == ["Hi", "Hello"]


def test_text_is_pulled_out_of_a_nested_document(read) -> None:
    document = {
        "title": "Handbook",
        "intro": "Read this first.",
        "sections": [
            {
                "heading": "Returns",
                "text": "Send it back.",
                "sections": [{"heading": "Costs", "paragraphs": ["We pay.", "Mostly."]}],
            },
            {"heading": "Nothing here"},
        ],
        "legal_notice": {"address": "Ask for the address at the desk beside the entrance."},
        "code": "x-17",
    }
    rows = read("handbook.json", json.dumps(document))
    assert [(row.heading, row.text) for row in rows] == [
        (("Handbook",), "Read this first."),
        (("Handbook", "Returns"), "Send it back."),
        (("Handbook", "Returns", "Costs"), "We pay.\n\nMostly."),
        (("Handbook", "legal notice", "address"), "Ask for the address at the desk beside the entrance."),
    ]
    assert [row.source.element for row in rows] == [1, 2, 3, 4]


def test_a_short_list_does_not_hide_the_text_beside_it(read) -> None:
    document = {"title": "Report", "body": "What was found. " * 20, "authors": [{"name": "N", "unit": "U"}]}
    rows = read("report.json", json.dumps(document))
    assert all(isinstance(row, Row) and row.text for row in rows)
    assert rows[0].heading == ("Report",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"a": 1,\n "b": }', "It is not valid JSON: Expecting value, line 2; "),
        ("words", "It is not valid JSON"),
        ('{"debug": true, "port": {"low": 1}}', "It holds neither records nor text; "),
        ("[]", "It holds neither records nor text; "),
        ("[" * 5000 + "]" * 5000, "It is nested too deeply; "),
        ("[" + "9" * 5000 + "]", "It holds a number that is too long to be one; "),
    ],
)
def test_what_is_wrong_is_told(read, content: str, reason: str) -> None:
    with pytest.raises(Unreadable) as error:
        read("wrong.json", content)
    assert str(error.value).startswith(reason)


def test_a_file_too_large_to_be_held_is_refused(read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_document, "LARGEST", 10)
    with pytest.raises(Unreadable, match="write it as JSON Lines"):
        read("large.json", json.dumps(PAIRS))


def test_articles_of_a_help_centre_are_text_without_markup(read) -> None:
    articles = [
        {"title": f"Fares {n}", "body": f"<p>Ten &amp; {n}.</p><ul><li>By ship</li></ul>"} for n in range(2)
    ]
    rows = read("articles.json", json.dumps({"count": 2, "articles": articles}))
    assert [row.text for row in rows] == [f"Ten & {n}.\n\n- By ship" for n in range(2)]


def test_keys_that_ask_are_questions(read) -> None:
    rows = read(
        "faq.json", json.dumps({"Parcels": {"Is it late?": "No.", "Lost?": "Never."}, "How?": "By ship."})
    )
    assert [row.fields for row in rows] == [
        {"question": "How?", "answer": "By ship."},
        {"question": "Is it late?", "answer": "No."},
        {"question": "Lost?", "answer": "Never."},
    ]
