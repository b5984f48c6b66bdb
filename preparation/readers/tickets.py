"""Tickets of a help desk as Zendesk exports them: comments, each with its author; notes among agents are not
public and were never said to the customer."""

from typing import Any


def ticket_turns(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What was said in a ticket as turns, whoever asked as the user; None if the record is no such ticket."""
    comments = value.get("comments")
    if not isinstance(comments, list) or not comments or not all(map(_is_comment, comments)):
        return None
    asks = value.get("requester_id") or comments[0]["author_id"]
    return [
        {"role": "user" if comment["author_id"] == asks else "assistant", "content": _words(comment)}
        for comment in comments
        if not _is_note(comment)
    ]


def notes_of(value: Any) -> str:
    """The notes that the customer never saw."""
    if not isinstance(value, dict) or ticket_turns(value) is None:
        return ""
    return "\n".join(_words(comment) for comment in value["comments"] if _is_note(comment))


def _is_comment(comment: Any) -> bool:
    return (
        isinstance(comment, dict)
        and isinstance(comment.get("author_id"), (int, str))
        and isinstance(comment.get("body"), str)
    )


def _is_note(comment: dict[str, Any]) -> bool:
    return comment.get("public") is False


def _words(comment: dict[str, Any]) -> str:
    plain = comment.get("plain_body")
    return plain if isinstance(plain, str) and plain.strip() else str(comment["body"])
