"""Whether a use case says enough: it steers how the data is structured and becomes the system message."""

import re
from dataclasses import dataclass

ENOUGH_WORDS = 8
TASKS = re.compile(
    r"\b(answer|assist|classif|label|route|sort|tag|categor|detect|extract|summar|translat|rewrit|write|draft|"
    r"generat|explain|reply|respond|review|recommend|suggest|help|support|chat|talk|convert|grade|score|"
    r"assistant|agent|bot|writer|classifier|editor|tutor|coach|reviewer|character)\w*",
    re.IGNORECASE,
)
MANNER = re.compile(
    r"\b(tone|style|voice|formal|informal|friendly|polite|concise|short|brief|detailed|warm|neutral|playful|plain|"
    r"professional|one of|label|queue|categor|intent|json|table|list|bullet|sentence|paragraph|word|language|"
    r"english|german|french|spanish|only|never|always)\w*",
    re.IGNORECASE,
)
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be by can do for from give have how i in into is it its make me my of on or our "
        "please should so that the their them they this to us use want we what which who will with you your "
        "model ai",
    )
)
EXAMPLE = (
    "Customer support assistant for a B2B SaaS product: answers questions about features, billing and "
    "integrations, in a friendly and concise tone."
)


@dataclass(frozen=True)
class Hint:
    """`parts` say of each thing that a good use case has whether it is there."""

    verdict: str
    parts: tuple[tuple[str, bool], ...]
    vague: bool
    example: str = EXAMPLE


def hint_for(use_case: str) -> Hint:
    words = re.findall(r"[^\W\d_][\w'-]*", use_case)
    subject = {word.lower() for word in words} - STOP_WORDS
    subject = {word for word in subject if not TASKS.fullmatch(word)}
    parts = (
        ("what it does", bool(TASKS.search(use_case))),
        ("for what subject or product", len(subject) >= 3),
        ("how it answers: tone, length, labels", bool(MANNER.search(use_case))),
    )
    there = sum(present for _, present in parts)
    if not words:
        return Hint("Say who the model is, what it does, and how it should answer.", parts, False)
    if len(words) < ENOUGH_WORDS or there < 2:
        return Hint("Too vague yet: the data is structured by these words.", parts, True)
    if there < len(parts):
        return Hint("Good. One more detail would make it better.", parts, False)
    return Hint("Very good: specific enough to steer the data.", parts, False)
