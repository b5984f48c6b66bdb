import json

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
