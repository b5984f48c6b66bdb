import csv
import io
import json

import pytest

from records import Drop, Row

TALK = [("customer", "Where is my parcel?"), ("agent", "At the depot now."), ("customer", "Thanks a lot!")]
ROLES = ["user", "assistant", "user"]


def table(names: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([names, *rows])
    return text.getvalue()


def log(*talks: str) -> list[list[str]]:
    return [
        [talk, f"2026-01-01 10:0{at}:00", who, f"{words} ({talk})"]
        for talk in talks
        for at, (who, words) in enumerate(TALK)
    ]


NAMES = ["Conversation ID", "Timestamp", "Sender", "Message"]


def test_rows_of_messages_are_conversations(read) -> None:
    rows = read("log.csv", table(NAMES, log("a", "b", "c")))
    assert [[message.role for message in row.messages] for row in rows] == [ROLES] * 3
    assert [message.content for message in rows[1].messages] == [f"{words} (b)" for _, words in TALK]
    assert [row.source.row for row in rows] == [1, 4, 7]


def test_mixed_conversations_are_parted_and_put_in_the_order_of_time(read) -> None:
    mixed = sorted(log("a", "b", "c"), key=lambda row: (row[1], row[0]), reverse=True)
    rows = read("log.csv", table(NAMES, mixed))
    assert sorted(row.messages[0].content for row in rows) == [f"{TALK[0][1]} ({talk})" for talk in "abc"]
    assert all([message.role for message in row.messages] == ROLES for row in rows)


def test_people_of_a_log_get_their_roles_later(read) -> None:
    named = [
        [talk, at, {"agent": "Ann"}.get(who, f"guest {talk}"), said] for talk, at, who, said in log(*"abc")
    ]
    rows = read("log.csv", table(NAMES, named))
    assert [row.speakers for row in rows] == [(f"guest {talk}", "Ann", f"guest {talk}") for talk in "abc"]


def test_what_the_system_says_between_is_named(read) -> None:
    rows = log("a", "b", "c")
    rows.insert(2, ["a", "2026-01-01 10:01:30", "system", "Ann has joined"])
    said = read("log.csv", table(NAMES, rows))
    assert [(one.reason, one.excerpt) for one in said if isinstance(one, Drop)] == [
        ("a message of the system within a conversation", "Ann has joined")
    ]
    assert sum(len(one.messages) for one in said if isinstance(one, Row)) == 9


def test_messages_are_joined_by_what_they_answer(read) -> None:
    tree = [
        record
        for n in range(3)
        for record in (
            {"message_id": f"q{n}", "parent_id": None, "text": f"How long, {n}?", "role": "prompter"},
            {"message_id": f"a{n}", "parent_id": f"q{n}", "text": f"Some {n} days.", "role": "assistant"},
            {"message_id": f"b{n}", "parent_id": f"q{n}", "text": f"No idea {n}.", "role": "assistant"},
        )
    ]
    said = read("tree.jsonl", "\n".join(map(json.dumps, tree)))
    rows = [one for one in said if isinstance(one, Row)]
    assert [tuple(message.content for message in row.messages) for row in rows] == [
        (f"How long, {n}?", f"Some {n} days.") for n in range(3)
    ]
    assert [one.excerpt for one in said if isinstance(one, Drop)] == [f"No idea {n}." for n in range(3)]


@pytest.mark.parametrize(
    ("names", "row"),
    [
        (["ticket_id", "author", "body", "label"], ["a", "Ann", "My parcel is late", "parcels"]),
        (["ticket_id", "author", "body"], ["{n}", "Ann", "My parcel is late"]),
        (["thread_id", "user", "message", "reply"], ["a", "Ann", "Is it late?", "It is not."]),
    ],
)
def test_rows_that_stand_alone_stay_rows(read, names: list[str], row: list[str]) -> None:
    rows = read("log.csv", table(names, [[cell.format(n=n) for cell in row] for n in range(9)]))
    assert len(rows) == 9
    assert all(row.fields for row in rows)


@pytest.mark.parametrize("above", [[], ["Be kind."]])
def test_lines_of_turns_alone_are_dialogues(read, above: list[str]) -> None:
    pair = [("user", "Where is it, {}?"), ("assistant", "Here, {}.")]
    turns = [*(("system", text) for text in above), *pair]
    lines = [json.dumps({"role": role, "content": text.format(n)}) for n in range(3) for role, text in turns]
    rows = read("turns.jsonl", "\n".join(lines))
    assert [[message.content for message in row.messages] for row in rows] == [
        [*above, f"Where is it, {n}?", f"Here, {n}."] for n in range(3)
    ]
