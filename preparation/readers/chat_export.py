"""Exports of chats as JSON: Slack, Telegram, Discord, Teams, and others that say who said what when."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

from preparation.readers.conversation import Said, rows
from records import Row, Source

SENDERS = ("sender_name", "sender", "author", "from", "user_profile", "username", "user", "name")
TEXTS = ("text", "content", "message", "body")
TIMES = (
    "ts",
    "timestamp",
    "date",
    "timestamp_ms",
    "created_at",
    "time",
    "sent_at",
    "datetime",
    "createdDateTime",
)
NAMES = ("real_name", "display_name", "displayName", "nickname", "global_name", "username", "name", "id")
LISTS = ("messages", "chats", "list", "conversations", "channels", "value")
SAMPLE, MOST = 50, 0.8
DEEPEST = 3
SAID = ("thread_broadcast", "me_message", "file_share")  # subtypes of what a person wrote, too
SLACK_TIME = re.compile(r"\d{10}\.\d+")
# <@U024BE7LH>, <@U024BE7LH|ann>, <#C024BE7LR|general>, <!here>, <https://a.example|the page>
TAG = re.compile(r"<(?!/?attachment)[^>]*>|<attachment.*?</attachment>", re.DOTALL)  # in messages of Teams
MARKED = re.compile(r"<([@#!]?)([^<>|\s]+)(?:\|([^<>]+))?>")


def found(document: Any) -> list[list[dict[str, Any]]]:
    """The lists of messages in the document, or none if it is no export of chats."""
    lists = list(_lists(document, 0))
    return lists if lists and all(map(_is_chat, lists)) else []


def _lists(value: Any, depth: int) -> Iterator[list[dict[str, Any]]]:
    if isinstance(value, list):
        if value and all(isinstance(item, dict) for item in value):
            inner = [one for item in value for key in LISTS if key in item for one in _lists(item, depth + 1)]
            if inner and depth < DEEPEST:
                yield from inner
            else:
                yield value
    elif isinstance(value, dict) and depth < DEEPEST:
        for key in LISTS:
            if key in value:
                yield from _lists(value[key], depth + 1)


def _is_chat(values: list[dict[str, Any]]) -> bool:
    """Whether most of them are messages with a sender and a time, which no dialogue for training has, and few
    people say much, as nobody does in a table of reviews."""
    sample = values[:SAMPLE]
    if all(map(_is_of_slack, sample)):
        return True
    senders = {sender for value in sample if _text(value) and (sender := _sender(value))}
    if not 2 <= len(senders) <= max(2, len(sample) / 2):
        return False
    return sum(_time(value) is not None and _is_message(value) for value in sample) >= MOST * len(sample)


def _is_of_slack(value: dict[str, Any]) -> bool:
    return value.get("type") == "message" and bool(SLACK_TIME.fullmatch(str(value.get("ts", ""))))


def _is_message(value: dict[str, Any]) -> bool:
    kind = value.get("type") in ("service", "system")
    return (
        kind
        or value.get("messageType", "message") != "message"
        or (bool(_sender(value)) and any(key in value for key in TEXTS))
    )


def chat_rows(lists: list[list[dict[str, Any]]], source: Source) -> Iterator[Row]:
    number = 0
    for values in lists:
        said = []
        for value in values:
            number += 1
            said.append(
                Said(_sender(value), _text(value), number, _time(value), str(value.get("thread_ts") or ""))
            )
        ordered = sorted(said, key=lambda one: one.at or datetime.min.replace(tzinfo=UTC))
        yield from rows(ordered, source)


def _sender(value: dict[str, Any]) -> str:
    for key in SENDERS:
        sender = value.get(key)
        if isinstance(sender, dict):
            sender = sender["user"] if isinstance(sender.get("user"), dict) else sender
            sender = next((sender[name] for name in NAMES if sender.get(name)), None)
        if isinstance(sender, str | int) and str(sender).strip():
            return str(sender).strip()
    return ""


def _text(value: dict[str, Any]) -> str:
    """Empty for what is no message of a person: joins, calls, pictures."""
    if value.get("type") in ("service", "system") or value.get("subtype") not in (None, "", *SAID):
        return ""
    if value.get("messageType", "message") != "message":
        return ""
    text = next((value[key] for key in TEXTS if value.get(key)), "")
    if isinstance(text, dict):
        return _of_teams(text)
    if isinstance(text, list):
        text = "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in text
                       if isinstance(part, str | dict))  # fmt: skip
    if not isinstance(text, str):
        return ""
    return _plain(text) if _is_of_slack(value) else text.strip()


def _of_teams(body: dict[str, Any]) -> str:
    """What a message of Teams says, which is often HTML."""
    text = body.get("content")
    if not isinstance(text, str):
        return ""
    if body.get("contentType") != "html":
        return text.strip()
    broken = re.sub(r"<br ?/?>|</p>|</div>|</li>", "\n", text)
    return unescape(TAG.sub("", broken)).strip()


def _plain(text: str) -> str:
    """Without Slack's marks; people who are mentioned by their id stay so until the names are known."""

    def said(match: re.Match[str]) -> str:
        sign, target, label = match.groups()
        return f"{sign if sign != '!' else '@'}{label or target}" if sign else label or target

    return unescape(MARKED.sub(said, text)).strip()


def _time(value: dict[str, Any]) -> datetime | None:
    written = next((value[key] for key in TIMES if value.get(key)), None)
    try:
        if isinstance(written, str) and not re.fullmatch(r"\d+(?:\.\d+)?", written):
            at = datetime.fromisoformat(written)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        seconds = float(written or 0)
        if seconds <= 0:
            return None
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
