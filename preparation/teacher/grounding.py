"""Whether a passage proves what a teacher made of it. Every refusal has a name."""

import re
import unicodedata

from preparation.documents.passages import Passage
from preparation.teacher.prompt import Pair, material

INCOMPLETE = "teacher: a question, an answer or evidence is missing"
NOT_QUOTED = "teacher: the quoted evidence is not in the source"
OTHER_FIGURES = "teacher: the answer has a number that the source lacks"
OTHER_WORDS = "teacher: the answer says what the source does not"
POINTS_AT = "teacher: it speaks of a text that nobody will see"
UNASKED = "teacher: the question is none"

LEAST_EVIDENCE = 12  # letters and digits, wide ones counted twice; a shorter quotation proves little
LEAST_QUESTION = 6
OWN_WORDS = 0.4  # share of an answer's longer words that must stand in the source
ENOUGH_WORDS = 4  # longer words from which on that share says something
WIDE = "\u2e80"  # from here on a sign is a word or a syllable
PREFIX = 5  # letters by which inflected words count as one
MARKS = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "–": "-", "—": "-"}
)
CUT = re.compile(r"\s*(?:\.\.\.|…|\[…\]|\[\.\.\.\])\s*")
POINTING = re.compile(
    r"\b(?:in|according to|from|by|does|of) (?:the|this) (?:given |above |provided )?"
    r"(?:passage|text|excerpt|document|snippet|context)\b"
    r"|\b(?:the|this) (?:passage|excerpt|snippet)\b"
    r"|\b(?:laut|im|gemäß) (?:dem |diesem )?(?:text|textauszug|abschnitt)\b"
    r"|\b(?:selon|dans) (?:le|ce) (?:texte|passage|extrait)\b"
    r"|\b(?:según|en) (?:el|este) (?:texto|pasaje|fragmento)\b"
    r"|\b(?:secondo|nel) (?:il |questo )?(?:testo|brano)\b",
    re.IGNORECASE,
)
FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
LONG_WORD = re.compile(r"[^\W\d_]{4,}")


def refusal(pair: Pair, passage: Passage) -> str:
    """Why the pair is dropped, or nothing."""
    source = material(passage)
    if not (pair.question and pair.answer and pair.evidence):
        return INCOMPLETE
    if not all(_is_quoted(quotation, source) for quotation in pair.evidence):
        return NOT_QUOTED
    if _size(pair.question) < LEAST_QUESTION:
        return UNASKED
    if POINTING.search(pair.question) or POINTING.search(pair.answer):
        return POINTS_AT
    if _figures(pair.answer) - _figures(f"{source} {pair.question}"):
        return OTHER_FIGURES
    return "" if _is_of_source(pair.answer, source) else OTHER_WORDS


def _is_quoted(quotation: str, source: str) -> bool:
    """Letter by letter, marks of layout aside; what the teacher left out with dots may be missing."""
    held = _levelled(source)
    parts = [part for part in map(_levelled, CUT.split(quotation)) if part]
    return _size("".join(parts)) >= LEAST_EVIDENCE and all(part in held for part in parts)


def _size(text: str) -> int:
    return sum(2 if sign > WIDE else 1 for sign in text if sign.isalnum())


def _levelled(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text.translate(MARKS)).translate(MARKS).casefold()
    return re.sub(r"[\W_]+", "", plain)


def _figures(text: str) -> set[str]:
    return {re.sub(r"[.,]", "", figure) for figure in FIGURE.findall(unicodedata.normalize("NFKC", text))}


def _is_of_source(answer: str, source: str) -> bool:
    """Scripts without blanks between words are not judged by words."""
    words = [word.casefold()[:PREFIX] for word in LONG_WORD.findall(answer) if word[0] < WIDE]
    known = {word.casefold()[:PREFIX] for word in LONG_WORD.findall(source)}
    return len(words) < ENOUGH_WORDS or sum(word in known for word in words) >= OWN_WORDS * len(words)
