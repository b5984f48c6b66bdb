"""Chats and mails of people become dialogues of a user and an assistant."""
# ruff: noqa: E501 - messages stand on a line

import json
from pathlib import Path

import pytest

from errors import InvalidData
from preparation.clean import clean
from preparation.ingest import ingest
from preparation.rowfile import read_rows
from records import Row, Rows

WHATSAPP = """31/12/2023, 22:15 - Messages are end-to-end encrypted.
31/12/2023, 22:15 - Ann Lee: Is the pool open tomorrow?
31/12/2023, 22:16 - Pool Desk: Yes, from nine
until six.
31/12/2023, 22:17 - Ann Lee: <Media omitted>
31/12/2023, 22:17 - Ann Lee: Thanks!
02/01/2024, 09:00 - Ben: How much is a ticket?
02/01/2024, 09:05 - Pool Desk: Four euros.
"""
TELEGRAM = {
    "name": "Pool",
    "type": "personal_chat",
    "messages": [
        {"id": 1, "type": "service", "date": "2024-01-01T08:00:00", "actor": "Ann", "text": ""},
        {"id": 2, "type": "message", "date": "2024-01-01T08:01:00", "from": "Ann", "text": "Is it open?"},
        {"id": 3, "type": "message", "date": "2024-01-01T08:02:00", "from": "Desk",
         "text": ["Yes, see ", {"type": "link", "text": "the hours"}, "."]},
        {"id": 4, "type": "message", "date": "2024-01-03T08:01:00", "from": "Ben", "text": "And Sunday?"},
        {"id": 5, "type": "message", "date": "2024-01-03T08:02:00", "from": "Desk", "text": "Closed."},
        {"id": 6, "type": "message", "date": "2024-01-03T08:03:00", "from": "Ben", "text": "Pity."},
    ],
}  # fmt: skip
SLACK = [
    {"type": "message", "user": "U1", "user_profile": {"real_name": "Ann"}, "text": "Open, <@U2>?", "ts": "1704096000.1"},
    {"type": "message", "user": "U2", "user_profile": {"real_name": "Desk"}, "text": "Yes.", "ts": "1704096060.1"},
    {"type": "message", "subtype": "channel_join", "user": "U3", "text": "joined", "ts": "1704096061.1"},
    {"type": "message", "user": "U1", "user_profile": {"real_name": "Ann"}, "text": "Good.", "ts": "1704096062.1"},
    {"type": "message", "user": "U2", "user_profile": {"real_name": "Desk"}, "text": "See you.", "ts": "1704096063.1"},
]  # fmt: skip
DISCORD = {
    "guild": {"name": "Pool"},
    "messages": [
        {"id": str(n), "type": "Default", "timestamp": f"2024-01-01T08:0{n}:00.000+00:00", "content": text,
         "author": {"id": "9", "name": name.lower(), "nickname": name}}
        for n, (name, text) in enumerate(
            [("Ann", "Open?"), ("Desk", "Yes, it is."), ("Ann", "Until?"), ("Desk", "Until six.")]
        )
    ],
}  # fmt: skip


def dialogues(folder: Path, name: str, content: str, assistant: str | None = None) -> tuple[list[Row], Rows]:
    (folder / name).write_text(content, "utf-8")
    rows = clean(ingest([str(folder / name)], folder / "in"), folder / "out", assistant=assistant)
    return list(read_rows(rows.uri)), rows


def said(row: Row) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in row.messages]


def test_a_whatsapp_export_becomes_dialogues_cut_at_long_silences(tmp_path: Path) -> None:
    first, second = dialogues(tmp_path, "chat.txt", WHATSAPP)[0]
    assert said(first) == [
        ("user", "Is the pool open tomorrow?"),
        ("assistant", "Yes, from nine\nuntil six."),
        ("user", "Thanks!"),
    ]
    assert said(second) == [("user", "How much is a ticket?"), ("assistant", "Four euros.")]
    assert (first.source.line, second.source.line) == (2, 7)


@pytest.mark.parametrize(
    ("document", "answer"),
    [(TELEGRAM, "Yes, see the hours."), (SLACK, "Yes."), (DISCORD, "Yes, it is.")],
    ids=["telegram", "slack", "discord"],
)
def test_exports_as_json_become_dialogues(document: object, answer: str, tmp_path: Path) -> None:
    rows = dialogues(tmp_path, "result.json", json.dumps(document))[0]
    assert rows and said(rows[0])[1] == ("assistant", answer)
    assert {role for row in rows for role, _ in said(row)} == {"user", "assistant"}


def test_who_speaks_as_the_assistant_is_told(tmp_path: Path) -> None:
    (finding,) = [
        one for one in dialogues(tmp_path, "chat.txt", WHATSAPP)[1].findings if one.rule == "assistant"
    ]
    assert "“Pool Desk” speaks as the assistant" in finding.message
    assert "--assistant" in finding.hint and "“Ben”" in finding.hint


def test_a_person_can_choose_the_assistant(tmp_path: Path) -> None:
    rows, made = dialogues(tmp_path, "chat.txt", WHATSAPP, assistant="ann lee")
    assert said(rows[0])[0] == ("assistant", "Is the pool open tomorrow?")
    assert made.dropped == {"a conversation in which the assistant does not speak": 1}


def test_a_stranger_as_the_assistant_is_refused_with_the_names(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="Nobody called 'Zoe'") as refused:
        dialogues(tmp_path, "chat.txt", WHATSAPP, assistant="Zoe")
    assert "“Pool Desk”" in refused.value.hint


def test_a_table_of_reviews_is_no_chat(tmp_path: Path) -> None:
    reviews = [
        {"author": f"Person {n}", "date": "2024-01-01", "text": f"I liked it {n} times."} for n in range(9)
    ]
    rows = dialogues(tmp_path, "reviews.json", json.dumps(reviews))[0]
    assert all(row.fields for row in rows)


def test_a_log_with_times_is_no_chat(tmp_path: Path) -> None:
    log = "".join(f"2024-01-01 10:0{n}:00 INFO the job number {n} ran to its end\n" for n in range(9))
    assert all(row.text for row in dialogues(tmp_path, "run.log", log)[0])
