"""Conversations that people exported from the assistants they talked with."""

import json
from typing import Any

from records import Drop, Row


def node(at: str, above: str | None, role: str = "", *parts: str, **more: Any) -> dict[str, Any]:
    content = {"content_type": more.pop("kind", "text"), "parts": list(parts)}
    message = {"author": {"role": role}, "content": content, "metadata": more} if role else None
    return {"id": at, "parent": above, "children": [], "message": message}


def conversation(*nodes: dict[str, Any], last: str) -> dict[str, Any]:
    return {"title": "Spring", "mapping": {one["id"]: one for one in nodes}, "current_node": last}


ASKED = [
    node("root", None),
    node("hidden", "root", "system", "You are kind.", is_visually_hidden_from_conversation=True),
    node("ask", "hidden", "user", "Where to in spring?"),
    node("first", "ask", "assistant", "To Norway."),
    node("second", "ask", "assistant", "To Portugal."),
]


def said(items: list[Any]) -> list[list[tuple[str, str]]]:
    return [[(one.role, one.content) for one in item.messages] for item in items if isinstance(item, Row)]


def test_of_an_answer_that_was_asked_for_again_the_last_one_counts(read) -> None:
    exported = [conversation(*ASKED, last="second"), conversation(*ASKED, last="first")]
    assert said(read("conversations.json", json.dumps(exported))) == [
        [("user", "Where to in spring?"), ("assistant", "To Portugal.")],
        [("user", "Where to in spring?"), ("assistant", "To Norway.")],
    ]


def test_one_that_used_tools_is_left_out_and_told(read) -> None:
    searched = conversation(*ASKED, node("ran", "second", "assistant", kind="code"), last="ran")
    items = read("conversations.json", json.dumps([conversation(*ASKED, last="first"), searched]))
    assert len(said(items)) == 1
    assert [item.reason for item in items if isinstance(item, Drop)] == ["a dialogue that calls tools"]


def test_a_tree_that_leads_in_circles_ends(read) -> None:
    loop = conversation(node("a", "b", "user", "Hello?"), node("b", "a", "assistant", "Hello."), last="b")
    assert said(read("conversations.json", json.dumps([loop]))) == [
        [("user", "Hello?"), ("assistant", "Hello.")]
    ]


def test_conversations_of_claude_are_dialogues(read) -> None:
    turns = [
        {"sender": "human", "text": "Leeks, what now?", "content": [{"type": "text", "text": "Leeks?"}]},
        {"sender": "assistant", "text": "", "content": [{"type": "text", "text": "A soup."}]},
    ]
    exported = [{"uuid": "1", "name": "Dinner", "chat_messages": turns}]
    assert said(read("conversations.json", json.dumps(exported))) == [
        [("user", "Leeks, what now?"), ("assistant", "A soup.")]
    ]
