"""The languages that questions are asked in: how each is recognised, and its ways of asking."""

import re
import tomllib
from pathlib import Path

WORDS = tomllib.loads((Path(__file__).parent / "heading_words.toml").read_text("utf-8"))
COMMON = {tongue: frozenset(words) for tongue, words in WORDS["common"].items()}
DAYS = [day for days in WORDS["days"].values() for day in days]
MONTHS = [month for months in WORDS["months"].values() for month in months]
PERIOD = re.compile(
    r"(?:19|20)\d\d(?:\s?/\s?\d\d)?|[qhtse]?[1-4]\s?/?\s?(?:19|20)\d\d|[qh][1-4]|(?:kw|wk)\s?\d{1,2}",
    re.IGNORECASE,
)

ABOUT = {
    "en": "What should I know about {}?",
    "de": "Was muss ich über „{}“ wissen?",
    "fr": "Que dois-je savoir sur « {} » ?",
    "es": "¿Qué debo saber sobre «{}»?",
    "it": "Che cosa devo sapere su «{}»?",
    "pt": "O que devo saber sobre «{}»?",
    "nl": "Wat moet ik weten over “{}”?",
}
MEANING = {
    "de": "Was bedeutet „{}“?",
    "fr": "Que signifie « {} » ?",
    "es": "¿Qué significa «{}»?",
    "it": "Che cosa significa «{}»?",
    "pt": "O que significa «{}»?",
    "nl": "Wat betekent “{}”?",
}
# of a column and a row; they need no article and no gender
CELL = {
    "de": "Was gilt für „{row}“ bei „{column}“?",
    "fr": "Pour « {row} », qu’est-ce qui est indiqué sous « {column} » ?",
    "es": "¿Qué se indica en «{column}» para «{row}»?",
    "it": "Che cosa è indicato in «{column}» per «{row}»?",
    "pt": "O que se indica em «{column}» para «{row}»?",
    "nl": "Wat geldt voor “{row}” bij “{column}”?",
}


def language(text: str, otherwise: str = "en") -> str:
    """The language whose commonest words the text holds most of; English in doubt, `otherwise` if it holds
    none of any."""
    words = re.findall(r"[^\W\d_]+", text[:4000].casefold())
    shares = {name: sum(word in common for word in words) for name, common in COMMON.items()}
    best = max(shares, key=lambda name: (shares[name], name == "en"))
    if not shares[best]:
        return otherwise
    return best if shares[best] > shares["en"] * 1.2 else "en"


def day(text: str) -> str:
    """The name of a weekday or month that the text is, or shortens to two letters or more; or nothing."""
    short = text.strip().rstrip(".").casefold()
    if len(short) < 2:
        return ""
    names = [*DAYS, *MONTHS]
    return next((name for name in names if name.casefold().startswith(short)), "")


def is_time(text: str) -> bool:
    """Whether a column's name is a point in time: a weekday, a month, a quarter, a year."""
    return bool(day(text) or PERIOD.fullmatch(text.strip()))
