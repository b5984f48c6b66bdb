"""The lists that an export of Slack holds beside its messages: people, by their ids, and channels."""

import re
from collections.abc import Iterator
from typing import Any

from preparation.readers import EXCERPT
from records import Drop, Row, Source

PEOPLE = re.compile(r"[UWB][A-Z0-9]+")
OTHERS = frozenset(("channels.json", "groups.json", "dms.json", "mpims.json", "integration_logs.json"))
REASON = "a list that a chat's export keeps beside its messages"


def slack_lists(document: Any, source: Source) -> list[Row | Drop]:
    """A row of names, or drops; nothing if the file is no such list."""
    file = re.split(r"[/\\]", source.uri)[-1]
    if not isinstance(document, list) or not all(isinstance(item, dict) for item in document):
        return []
    if file == "users.json" and (names := dict(_names(document))):
        return [Row(source=source, names=names)]
    if file in OTHERS and all("id" in item or "service_type" in item for item in document):
        places = (Source(uri=source.uri, element=at) for at in range(1, len(document) + 1))
        return [
            Drop(source=place, reason=REASON, excerpt=str(item.get("name", ""))[:EXCERPT])
            for place, item in zip(places, document, strict=True)
        ]
    return []


def _names(people: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for person in people:
        profile = person.get("profile")
        if not isinstance(person.get("id"), str) or not PEOPLE.fullmatch(person["id"]):
            continue
        known = {**person, **(profile if isinstance(profile, dict) else {})}
        name = next((known[key] for key in ("real_name", "display_name", "name") if known.get(key)), "")
        if isinstance(name, str) and name.strip():
            yield person["id"], name.strip()
