"""Subtitles and transcripts of calls: WebVTT and SubRip. Times and numbers go; who speaks stays."""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from pathlib import Path
from typing import NamedTuple

from preparation.readers import conversation
from preparation.readers.conversation import Said
from preparation.readers.encoding import open_text
from preparation.readers.text import Line, sections
from records import Drop, Row, Source

TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
TIMES = re.compile(rf"\s*{TIME}\s+-->\s+{TIME}")
BEGINS = re.compile(rf"WEBVTT(?:[ \t].*)?(?:\n|$)|(?:\d+[ \t]*\n)?{TIME}[ \t]+-->[ \t]+{TIME}")
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
NAMED = re.compile(r"(?:[-–>]+\s*)?[^\W\d_][^:<>]{0,39}:\s")  # `Name: what they say`
TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[\d:.,]+>|\{\\[^{}]*\}")
PARAGRAPH = 600  # characters from which on a paragraph ends with its sentence
ENDS = re.compile(r"[.?!…。？！][\"”’)]*$")


class Cue(NamedTuple):
    number: int  # of its first line
    voice: str
    text: str


def read(path: Path, source: Source) -> Iterator[Row | Drop]:
    with open_text(path) as file:
        cues = list(_cues(line.rstrip("\n") for line in file))
    if len({cue.voice for cue in cues} - {""}) > 1:
        said = (Said(cue.voice, cue.text, cue.number) for cue in cues)
        yield from conversation.rows(_one_breath(said), source, "line")
        return
    for number, text in sections(_paragraphs(cues)):
        yield Row(source=Source(uri=source.uri, line=number), text=text)


def _cues(lines: Iterable[str]) -> Iterator[Cue]:
    """What stands under a line of times, up to a blank one; notes and styles have no times."""
    shown = ""
    inside = False
    voice = ""
    for number, line in enumerate(lines, 1):
        if TIMES.match(line):
            inside, voice = True, ""
        elif not line.strip():
            inside = False
        elif inside:
            if match := VOICE.search(line):
                voice = match[1].strip()
            text = " ".join(unescape(TAG.sub("", line)).split())
            # captions that roll show each line twice
            if text and text != shown:
                yield Cue(number, voice, text)
                shown = text


def _one_breath(said: Iterable[Said]) -> Iterator[Said]:
    """What one says over several cues, as one sentence and not as one line for each."""
    held: Said | None = None
    for one in said:
        if held and held.speaker == one.speaker:
            held = held._replace(text=f"{held.text} {one.text}")
            continue
        if held:
            yield held
        held = one
    if held:
        yield held


def _paragraphs(cues: Iterable[Cue]) -> Iterator[Line]:
    """Cues joined; a line begins where somebody is named, and after a sentence once there is a paragraph."""
    number, words = 0, ""
    for cue in cues:
        if words and (NAMED.match(cue.text) or (len(words) >= PARAGRAPH and ENDS.search(words))):
            yield Line(number, words, True)
            words = ""
        number, words = (number, f"{words} {cue.text}") if words else (cue.number, cue.text)
    if words:
        yield Line(number, words, True)
