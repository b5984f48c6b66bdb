"""Exports of chats that say who said what when."""

import json
from typing import Any

from records import Row


def message(number: int, name: str | None, html: str, kind: str = "message") -> dict[str, Any]:
    return {
        "id": str(number),
        "messageType": kind,
        "createdDateTime": f"2026-01-05T10:{number:02}:00.123Z",
        "from": name and {"application": None, "user": {"id": f"id-{name}", "displayName": name}},
        "body": {"contentType": "html", "content": html},
    }


def test_a_chat_of_teams_is_a_conversation_without_its_marks(read) -> None:
    said = [
        message(1, None, "<systemEventMessage/>", "systemEventMessage"),
        message(2, "Kim", "<div><p>Where is it?</p><p>Parcel 7 &amp; 8</p></div>"),
        message(3, "Lee", '<p>In Oslo<br>since noon</p><attachment id="1">card</attachment>'),
        message(4, "Kim", "Thanks!"),
    ]
    (row,) = (item for item in read("chat.json", json.dumps({"value": said})) if isinstance(item, Row))
    assert row.speakers == ("Kim", "Lee", "Kim")
    assert [one.content for one in row.messages] == [
        "Where is it?\nParcel 7 & 8", "In Oslo\nsince noon", "Thanks!",
    ]  # fmt: skip
