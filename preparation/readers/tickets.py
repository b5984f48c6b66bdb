"""Tickets of help desks: what customer and agents wrote to each other, as Zendesk, Freshdesk and Intercom
export it. Notes among agents were never said to the customer."""

from collections.abc import Iterator
from typing import Any, NamedTuple

PARTS = ("comment", "open", "close", "quick_reply", "assign_and_unsnooze")  # of Intercom's that were said
CUSTOMERS = ("user", "lead", "contact")


class Said(NamedTuple):
    words: str
    asks: bool
    note: bool = False


def ticket_turns(value: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What was said in a ticket as turns, whoever asked as the user; None if the record is no such ticket."""
    said = _said(value)
    if said is None:
        return None
    return [
        {"role": "user" if one.asks else "assistant", "content": one.words} for one in said if not one.note
    ]


def notes_of(value: Any) -> str:
    """The notes that the customer never saw."""
    said = _said(value) if isinstance(value, dict) else None
    return "\n".join(one.words for one in said or () if one.note)


def _said(value: dict[str, Any]) -> list[Said] | None:
    for read in (_zendesk, _freshdesk, _intercom):
        if said := list(read(value)):
            return said
    return None


def _zendesk(ticket: dict[str, Any]) -> Iterator[Said]:
    comments = ticket.get("comments")
    if not isinstance(comments, list) or not comments or not all(map(_is_comment, comments)):
        return
    asks = ticket.get("requester_id") or comments[0]["author_id"]
    for comment in comments:
        yield Said(
            _words(comment, "plain_body", "body"),
            comment["author_id"] == asks,
            comment.get("public") is False,
        )


def _is_comment(comment: Any) -> bool:
    return (
        isinstance(comment, dict)
        and isinstance(comment.get("author_id"), (int, str))
        and isinstance(comment.get("body"), str)
    )


def _freshdesk(ticket: dict[str, Any]) -> Iterator[Said]:
    """Tickets of its API, or of an export, whose lines are of `helpdesk_ticket` with `notes`."""
    ticket = ticket["helpdesk_ticket"] if isinstance(ticket.get("helpdesk_ticket"), dict) else ticket
    notes = ticket.get("conversations", ticket.get("notes"))
    first = _words(ticket, "description_text", "description")
    if not first or not isinstance(notes, list) or not all(isinstance(note, dict) for note in notes):
        return
    told = [note["note"] if isinstance(note.get("note"), dict) else note for note in notes]
    if not all("private" in note and ("incoming" in note or "body" in note) for note in told):
        return
    yield Said(first, True)
    for note in told:
        if words := _words(note, "body_text", "body"):
            yield Said(words, note.get("incoming") is True, note.get("private") is True)


def _intercom(talk: dict[str, Any]) -> Iterator[Said]:
    first, parts = talk.get("source"), talk.get("conversation_parts")
    parts = parts.get("conversation_parts", ()) if isinstance(parts, dict) else parts
    if (
        not isinstance(first, dict)
        or not isinstance(first.get("author"), dict)
        or not isinstance(parts, list)
    ):
        return
    for part in (first, *parts):
        author = part.get("author") if isinstance(part, dict) else None
        if not isinstance(author, dict):
            continue
        words, kind = _words(part, "body"), part.get("part_type", "comment")
        if words and (kind in PARTS or kind == "note"):
            yield Said(words, author.get("type") in CUSTOMERS, kind == "note")


def _words(part: dict[str, Any], *keys: str) -> str:
    return next((part[key] for key in keys if isinstance(part.get(key), str) and part[key].strip()), "")
