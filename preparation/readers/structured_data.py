"""What a page tells programs by schema.org in JSON-LD: questions with their answers, and articles. Many pages
show their text by a script alone, so that it stands nowhere else in the file."""

import json
import re
from collections.abc import Iterator
from typing import Any

from lxml.html import HtmlElement

from preparation.readers.document import Block
from preparation.readers.markup import blocks, parsed

KIND = "application/ld+json"
QUESTION = "Question"
ARTICLES = frozenset(("Article", "NewsArticle", "BlogPosting", "TechArticle", "Report"))
ANSWERS = ("acceptedAnswer", "suggestedAnswer")
DEEPEST = 50
LEVEL = 2
WORD = re.compile(r"\w+")


def things(root: HtmlElement) -> list[dict[str, Any]]:
    """The questions and articles of the page; ask before its scripts are taken out."""
    found: list[dict[str, Any]] = []
    for script in root.iter("script"):
        if (script.get("type") or "").split(";")[0].strip().lower() == KIND:
            try:
                found.extend(_things(json.loads(script.text or "", strict=False), 0))
            except (ValueError, RecursionError):
                continue
    return found


def untold(things: list[dict[str, Any]], shown: list[Block]) -> Iterator[Block]:
    """The blocks of what is not shown: each question as a heading; articles where the page shows nothing."""
    said = f" {' '.join(_words(block.text) for block in shown)} "
    for thing in things:
        name = _text(thing.get("name") or thing.get("text") or thing.get("headline"))
        body = list(_blocks(_answer(thing) if _is(thing, {QUESTION}) else thing.get("articleBody")))
        words = _words(" ".join(block.text for block in body))
        if not name or not words or f" {words} " in said or (shown and not _is(thing, {QUESTION})):
            continue
        said += f"{words} "
        yield Block(name, LEVEL)
        yield from body


def _things(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > DEEPEST:
        return
    if isinstance(value, dict) and _is(value, {QUESTION, *ARTICLES}):
        yield value
    elif isinstance(value, (dict, list)):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _things(below, depth + 1)


def _is(thing: dict[str, Any], kinds: set[str] | frozenset[str]) -> bool:
    named = thing.get("@type")
    return not kinds.isdisjoint(map(str, named if isinstance(named, list) else [named]))


def _answer(question: dict[str, Any]) -> Any:
    """The accepted answer, else the one with the most votes."""
    for key in ANSWERS:
        given = question.get(key)
        answers = [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, dict)]
        if answers:
            return max(answers, key=_votes).get("text")
    return None


def _votes(answer: dict[str, Any]) -> int:
    votes = answer.get("upvoteCount")
    return votes if isinstance(votes, int) else 0


def _blocks(text: Any) -> Iterator[Block]:
    if not isinstance(text, str) or not text.strip():
        return
    root = parsed(text if "<" in text else text.replace("\n", "<br>"))
    if root is not None:
        # headings within an answer would part it
        yield from (block._replace(level=0) for block in blocks(root))


def _text(name: Any) -> str:
    return " ".join(block.text for block in _blocks(name))


def _words(text: str) -> str:
    return " ".join(WORD.findall(text.casefold()))
