import json
from typing import Any

import pytest

from records import Drop, Row

COMMENTS = [
    {"author_id": 5, "public": True, "body": "Where is my parcel?"},
    {"author_id": 9, "public": False, "body": "He calls every day."},
    {"author_id": 9, "public": True, "body": "<p>At the depot.</p>", "plain_body": "At the depot."},
    {"author_id": 8, "public": True, "body": "It comes today."},
]
SAID = [("user", "Where is my parcel?"), ("assistant", "At the depot."), ("assistant", "It comes today.")]


@pytest.mark.parametrize("ticket", [{}, {"requester_id": 5, "subject": "Parcel"}])
def test_a_ticket_is_a_dialogue_without_its_notes(read, ticket: dict) -> None:
    tickets = {"tickets": [{"id": n, **ticket, "comments": COMMENTS} for n in range(3)]}
    rows = read("tickets.json", json.dumps(tickets))
    said = [row for row in rows if isinstance(row, Row)]
    assert len(said) == 3
    assert [(message.role, message.content) for message in said[0].messages] == SAID
    notes = [row for row in rows if isinstance(row, Drop)]
    assert {(note.reason, note.excerpt) for note in notes} == {("a note among agents", "He calls every day.")}


def test_comments_without_authors_are_fields(read) -> None:
    (row,) = read("post.jsonl", json.dumps({"title": "Ferries", "comments": [{"body": "Nice."}]}))
    assert row.fields["comments.1.body"] == "Nice."


def said_of(rows: list[Any]) -> list[list[tuple[str, str]]]:
    return [
        [(message.role, message.content) for message in row.messages] for row in rows if isinstance(row, Row)
    ]


def notes_of(rows: list[Any]) -> list[tuple[str, str]]:
    return [(row.reason, row.excerpt) for row in rows if isinstance(row, Drop)]


NOTE = [("a note among agents", "He calls every day.")]
TOLD = [("user", "Where is my parcel?"), ("assistant", "At the depot."), ("user", "Thanks!")]


@pytest.mark.parametrize("exported", [False, True])
def test_a_ticket_of_freshdesk_is_a_dialogue(read, exported: bool) -> None:
    notes = [
        {
            "body_text": "At the depot.",
            "body": "<div>At the depot.</div>",
            "incoming": False,
            "private": False,
        },
        {"body_text": "He calls every day.", "body": "", "incoming": False, "private": True},
        {"body": "Thanks!", "incoming": True, "private": False},
    ]
    ticket: dict[str, Any] = {"id": 1, "subject": "Parcel", "description": "Where is my parcel?"}
    if exported:
        value: Any = [{"helpdesk_ticket": {**ticket, "notes": [{"note": note} for note in notes]}}]
    else:
        value = [{**ticket, "conversations": notes}]
    rows = read("tickets.json", json.dumps(value))
    assert said_of(rows) == [TOLD]
    assert notes_of(rows) == NOTE


def test_a_conversation_of_intercom_is_a_dialogue(read) -> None:
    def part(body: str | None, author: str, kind: str = "comment") -> dict[str, Any]:
        return {"part_type": kind, "body": body, "author": {"type": author, "id": "7"}}

    parts = [
        part("At the depot.", "admin"),
        part(None, "admin", "assignment"),
        part("He calls every day.", "admin", "note"),
        part("Thanks!", "user"),
        part("Sent by a workflow", "bot", "attribute_update"),
    ]
    source = {"body": "Where is my parcel?", "author": {"type": "lead"}}
    talks = [
        {"id": "1", "source": source, "conversation_parts": {"conversation_parts": parts, "total_count": 5}}
    ]
    rows = read("intercom.json", json.dumps({"type": "conversation.list", "conversations": talks}))
    assert said_of(rows) == [TOLD]
    assert notes_of(rows) == NOTE
