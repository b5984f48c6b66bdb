"""Chats as text: WhatsApp's exports, and lines that begin with a time and a name."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from preparation.readers.conversation import Said

# [31.12.23, 22:15:30] Ann: hello · 12/31/23, 10:15 PM - Ann: hello · 2023-12-31 22:15 <Ann> hello
STAMPED = re.compile(
    r"^[\u200e\u200f\ufeff]*\[?(?P<date>\d{1,4}[./-]\d{1,2}[./-]\d{2,4})[,T]?\s+"
    r"(?P<time>\d{1,2}:\d{2}(?::\d{2})?)\s?(?P<half>[AaPp]\.?\s?[Mm]\.?)?\]?\s*(?:[-–—]\s+)?"
    r"(?:<(?P<nick>[^<>\n]{1,40})>\s|(?P<name>[^:\n]{1,60}?):\s|(?P<event>))(?P<text>.*)$"
)
MISSING = re.compile(
    r"^[\u200e]*(?:<[^<>]*(?:omitted|attached|weggelassen|omis|omitido|omesso)[^<>]*>|(?:image|video|audio|sticker|GIF"
    r"|document) omitted|Bild weggelassen|This message was deleted\.?|You deleted this message\.?)$",
    re.IGNORECASE,
)
LEAST, SHARE = 4, 0.5


def is_transcript(lines: Iterable[str]) -> bool:
    """Whether the first lines are of several people, most with a time before them."""
    filled = [line for line in lines if line.strip()]
    matches = [match for line in filled if (match := STAMPED.match(line))]
    speakers = {match["nick"] or match["name"] for match in matches} - {None}
    return len(matches) >= max(LEAST, SHARE * len(filled)) and len(speakers) >= 2


def said(lines: Iterable[str]) -> Iterator[Said]:
    """Lines without a time go on with what was said before."""
    held: Said | None = None
    for number, line in enumerate(lines, 1):
        match = STAMPED.match(line.rstrip("\n"))
        if match is None:
            if held:
                held = held._replace(text=f"{held.text}\n{line.rstrip()}")
            continue
        if held and held.speaker and not MISSING.match(held.text.strip()):
            yield held
        held = Said(match["nick"] or match["name"] or "", match["text"], number, _time(match))
    if held and held.speaker and not MISSING.match(held.text.strip()):
        yield held


def _time(match: re.Match[str]) -> datetime | None:
    """Day and month may be swapped; for the length of a silence that matters little."""
    first, second, third = (int(part) for part in re.split(r"[./-]", match["date"]))
    year, month, day = (first, second, third) if first > 31 else (third, second, first)
    if month > 12:
        month, day = day, month
    hour, minute = (int(part) for part in match["time"].split(":")[:2])
    half = (match["half"] or "").lower()[:1]
    hour = hour % 12 + 12 * (half == "p") if half else hour
    try:
        return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
