"""What people take home from an assistant they talked with: ChatGPT's conversations are trees of messages, of
which the branch that was open last counts; Claude's are lists."""

from collections.abc import Iterator, Sequence
from typing import Any

SPOKEN = ("text", "multimodal_text")  # kinds of content that a person wrote or read
CALLED = ("code", "execution_output", "tether_quote", "tether_browsing_display")


def exported_turns(value: dict[str, Any]) -> Sequence[Any] | None:
    """The messages of a conversation as turns with role and content; None if it is none of these exports'."""
    said = value.get("chat_messages")
    if isinstance(said, list) and all(isinstance(turn, dict) and "sender" in turn for turn in said):
        return [{"role": turn["sender"], "content": turn.get("text") or turn.get("content")} for turn in said]
    nodes = value.get("mapping")
    if isinstance(nodes, dict) and nodes and all(map(_is_node, nodes.values())):
        return list(_turns(nodes, value.get("current_node")))
    return None


def _is_node(node: Any) -> bool:
    return isinstance(node, dict) and "message" in node and "parent" in node


def _turns(nodes: dict[str, dict[str, Any]], last: Any) -> Iterator[dict[str, Any]]:
    branch: dict[str, dict[str, Any]] = {}
    at = last if last in nodes else next(reversed(nodes))
    while at in nodes and at not in branch:
        branch[at] = nodes[at]
        at = nodes[at]["parent"]
    for node in reversed(branch.values()):
        message = node["message"]
        if isinstance(message, dict) and (turn := _turn(message)):
            yield turn


def _turn(message: dict[str, Any]) -> dict[str, Any] | None:
    """Nothing for what nobody saw: empty messages, hidden ones, and what the assistant thought to itself."""
    author, content, about = (message.get(key) for key in ("author", "content", "metadata"))
    if not isinstance(author, dict) or not isinstance(content, dict):
        return None
    kind, role = content.get("content_type"), author.get("role")
    if kind in CALLED or role == "tool":
        return {"role": "tool", "content": ""}
    hidden = isinstance(about, dict) and about.get("is_visually_hidden_from_conversation")
    parts = content.get("parts")
    if hidden or kind not in SPOKEN or not isinstance(parts, list) or not any(parts):
        return None
    return {"role": role, "content": parts}
