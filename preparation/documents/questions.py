"""Questions that a person might have typed, made from headings, terms and table cells by rules."""

import re

from preparation.documents.numbering import lone_division, without_number
from preparation.documents.tongues import ABOUT, CELL, MEANING, WORDS, day

WITH_E, NOT_GERUNDS, IMPERATIVES, GENERAL, SINGULAR_IN_S, FUNCTION_WORDS = (
    frozenset(WORDS[name])
    for name in ("with_e", "not_gerunds", "imperatives", "general", "singular_in_s", "function_words")
)
# introduc-, sav-, organiz-, continu-, charg-, enabl-, licens-, creat-
NEEDS_E = re.compile(r"(?:[cvzu]|[dr]g|[bcdfgkpt]l|[nr]s|[^eo]at)$")
TAKES_NO_E = frozenset({"format", "combat", "chat", "quiz", "pass", "process"})

ASKING = re.compile(
    r"^(?:who|what|when|where|why|how|which|whose)(?:'s)?\s+(?:is|are|was|were|do|does|did|can|could|should|would"
    r"|will|may|must|has|have)\b"
    r"|^how (?:many|much|long|often|far|soon)\b.*\b(?:is|are|do|does|can|could|should|will|must|has|have)"
    r" (?:i|you|we|it|there|they|the|my|your|our|a|an)\b"
    r"|^(?:is|are|do|does|can|could|should|will|may|must|has|have)\s+(?:i|you|we|it|there|the|my|your|our|a|an)\b",
    re.IGNORECASE,
)
# `What happens`, `Arrives in`, `You can change`: not asked for as "the … of"
NO_NOUN = re.compile(
    r"^(?:what|when|where|who|how|why|which|is|are|has|have|can|does|do|includes?|arrives?|applies|requires?|needs?"
    r"|good|more|other|also)\b"
    r"|\b(?:in|on|at|by|for|to|of|with|from|until|after|before|is|are|can|you|we|i|it)$|\b(?:you|we) \w|\?$",
    re.IGNORECASE,
)
THING = re.compile(
    r"\b(?:policy|process|procedure|limit|fee|price|cost|deadline|period|address|number)$", re.IGNORECASE
)
THINGS = re.compile(
    r"\b(?:policies|hours|fees|limits|prices|costs|requirements|options|rates|benefits|rules|methods)$",
    re.IGNORECASE,
)
ACRONYM = re.compile(r"^[A-Z0-9][A-Z0-9&./+-]+s?$|^[a-z]+[A-Z]|^[A-Z][a-z]+[A-Z]")
SIDES = re.compile(r"\b(?:yourself|yours|your|you|ours|our|us|we)\b", re.IGNORECASE)
OTHER_SIDE = {
    "yourself": "myself", "yours": "mine", "your": "my", "you": "me",
    "ours": "yours", "our": "your", "us": "you", "we": "you",
}  # fmt: skip


def is_question(text: str) -> bool:
    return text.rstrip("*_ ").endswith(("?", "？")) or bool(ASKING.match(text))


def from_heading(path: tuple[str, ...], tongue: str = "en") -> str:
    """A question that the section under this path of headings answers."""
    if tongue == "en" and (division := lone_division(path[-1])):
        question = f"What does {division} say?"
        return _below(path[-2], question) if len(path) > 1 else question
    heading = _calmed(without_number(path[-1]).rstrip(":.").strip("*_ "))
    if is_question(heading):
        return heading if heading.endswith(("?", "？")) else f"{heading}?"
    if tongue != "en":
        return ABOUT[tongue].format(heading)
    words = heading.split()
    if heading.casefold() in GENERAL and len(path) == 1:
        return f"What does the {heading.casefold()} say?"
    if heading.casefold() in GENERAL:
        return _of_general(heading.casefold(), _asked_about(path[-2]))
    question = _of_action(words) or _of_noun(heading)
    if len(path) > 2 and question.startswith(ABOUT["en"].partition("{")[0]):
        return _below(path[-2], question)
    return question


def _below(above: str, question: str) -> str:
    return f"About {_asked_about(above)}: {question[0].lower()}{question[1:]}"


def _calmed(heading: str) -> str:
    """Capitals throughout are a matter of layout; in one or two words they may be a name."""
    capitals = heading.isupper() and len(heading) > 8 and not any(map(str.isdigit, heading))
    return heading.casefold() if capitals else heading


def about_thing(thing: str, path: tuple[str, ...] = (), tongue: str = "en") -> str:
    """What there is to know about a thing, below a heading that says what it is a part of."""
    if tongue != "en":
        return ABOUT[tongue].format(f"{thing} ({without_number(path[-1])})" if path else thing)
    question = ABOUT["en"].format(thing)
    return _below(path[-1], question) if path else question


def _asked_about(heading: str) -> str:
    return _from_the_other_side(lowered(_calmed(without_number(heading).rstrip("?:."))))


def _of_action(words: list[str]) -> str:
    """`Resetting your password`, `How to reset …` and `Reset …` are all asked as `How do I reset my …?`"""
    first = words[0].casefold()
    rest = [*map(_keep_or_lower, words[1:])]
    if first in ("how", "when", "where", "what") and len(words) > 2 and words[1].casefold() == "to":
        asked = " ".join([words[2].casefold() if not ACRONYM.match(words[2]) else words[2], *rest[2:]])
        return _as_asked("How do I" if first == "how" else f"{first.capitalize()} should I", asked)
    if len(words) < 2:
        return ""
    thing = first in NOT_GERUNDS and words[1].casefold() not in ("a", "an", "the", "your", "our", "my", "up")
    if not thing and (verb := base_verb(first)):
        return _as_asked("How do I", " ".join([verb, *_after_or(rest)]))
    if first in IMPERATIVES and not (
        len(words) == 2 and rest[0] in ("policy", "policies", "options", "details")
    ):
        return _as_asked("How do I", " ".join([first, *rest]))
    return ""


def _after_or(words: list[str]) -> list[str]:
    """`changing or cancelling` takes two verbs."""
    joined = ["", *words[:-1]]
    return [
        base_verb(word) or word if before in ("or", "and") else word
        for before, word in zip(joined, words, strict=True)
    ]


def _as_asked(start: str, rest: str) -> str:
    return f"{start} {_from_the_other_side(rest)}?"


def _from_the_other_side(phrase: str) -> str:
    """What we say of your things, you ask of mine; the country US stays."""

    def other(match: re.Match[str]) -> str:
        word = match[0].casefold()
        follows = re.match(r"\s+(\w+)", match.string[match.end() :])
        if word == "you" and follows and follows[1].casefold() not in FUNCTION_WORDS:
            return "I"  # something you forgot
        return match[0] if match[0] == "US" else OTHER_SIDE[word]

    return SIDES.sub(other, phrase)


def _keep_or_lower(word: str) -> str:
    """Title case goes; acronyms and names written with inner capitals stay."""
    return word if ACRONYM.match(word) else word.casefold()


def lowered(phrase: str) -> str:
    """A heading inside a sentence: its first word small, unless it is an acronym or all words are names."""
    words = phrase.split()
    if not words:
        return phrase
    small = [word for word in words[1:] if word[:1].islower() and word not in FUNCTION_WORDS]
    first = words[0] if ACRONYM.match(words[0]) or (len(words) > 1 and not small) else words[0].casefold()
    return " ".join([first, *words[1:]])


def base_verb(word: str) -> str:
    """The verb of a gerund, or nothing if the word is none."""
    if not word.endswith("ing") or len(word) < 5:
        return ""
    stem = word[:-3]
    if not re.search(r"[aeiouy]", stem):
        return ""
    doubled = len(stem) > 3 and stem[-1] == stem[-2]
    if doubled and (stem[-1] not in "lsz" or stem in ("cancell", "controll", "travell", "labell")):
        return stem[:-1]
    if stem in WITH_E or (NEEDS_E.search(stem) and stem not in TAKES_NO_E):
        return stem + "e"
    return {"dy": "die", "ty": "tie", "ly": "lie"}.get(stem, stem)


def _of_general(heading: str, above: str) -> str:
    match heading:
        case "introduction" | "overview" | "summary" | "background" | "general" | "description" | "details":
            return f"What is {above} about?"
        case "example" | "examples":
            return f"Can you give me an example of {above}?"
        case "contact":
            return f"Whom do I contact about {above}?"
        case _:
            verb = "are" if heading.endswith("s") else "is"
            return f"What {verb} the {heading} for {above}?"


def _of_noun(heading: str) -> str:
    about = re.match(
        r"^(?:about|overview of|introduction to|what's|definition of)\s+(.+)$", heading, re.IGNORECASE
    )
    if about:
        return f"What is {lowered(about[1])}?"
    if re.match(r"(?:when|if)\s", heading, re.IGNORECASE):
        return f"What happens {_from_the_other_side(lowered(heading))}?"
    if heading.split()[0].casefold() in ("what", "how", "why", "where", "when", "who"):
        return f"Can you explain {_from_the_other_side(lowered(heading))}?"
    if THING.search(heading):
        return f"What is the {' '.join(map(_keep_or_lower, heading.split()))}?"
    if THINGS.search(heading):
        return f"What are the {' '.join(map(_keep_or_lower, heading.split()))}?"
    return ABOUT["en"].format(_from_the_other_side(lowered(heading)))


def of_term(term: str, text: str, tongue: str = "en") -> str:
    """What asks for the `text` that explains a term: its meaning, its amount, or what there is to know. A
    term with a full stop runs into its text like a small heading."""
    runs_in = term.rstrip(" *_").endswith(".")
    term = term.strip(' *_`:."“”')
    named = bool(ACRONYM.match(term)) or not term[1:].islower()
    name = term if named else term[0].lower() + term[1:]
    if tongue != "en":
        explains = text[0].islower() and not runs_in
        return (MEANING if explains else ABOUT)[tongue].format(term)
    if runs_in:
        return ABOUT["en"].format(name)
    if re.match(r"[$€£]?\d", text):
        return f"What {_verb(name)} the {name}?"
    if text[0].islower() or re.match(r"(?:an?|the|any) ", text, re.IGNORECASE):
        plural = _verb(name) == "are"
        return f"What {_verb(name)} {name}?" if named or plural else f"What does “{name}” mean?"
    return ABOUT["en"].format(name)


def _verb(name: str) -> str:
    """Of the noun that a phrase is built on: `bookings a month` are many."""
    head = re.split(r"\s(?:a|an|per|of|in|for|by|with|at|to|on)\s", name.strip())[0]
    last = head.split()[-1].casefold() if head.split() else ""
    plural = last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in SINGULAR_IN_S
    return "are" if plural and not name.isupper() else "is"


def of_cell(column: str, row: str, tongue: str = "en") -> str:
    """`What is the price of X?`, or nothing if the column's name is no noun to ask so."""
    if not re.search(r"[^\W\d_]{2}", column) or re.search(r"[<>{}\[\]|]", column):
        return ""
    if tongue != "en":
        return CELL[tongue].format(column=column.strip(" *`:"), row=row)
    name = _column_name(column)
    if NO_NOUN.search(name) or len(name.split()) > 4:
        return ""
    return f"What {_verb(name)} the {name} {'on' if day(row) else 'of'} {row}?"


def answer_of_cell(column: str, row: str, value: str, tongue: str = "en") -> str:
    """A sentence round a number; words stand for themselves."""
    name = _column_name(column)
    if not re.match(r"[$€£]?\d", value):
        return value if value.endswith((".", "!", "?")) else f"{value[0].upper()}{value[1:]}."
    if tongue != "en":
        return f"{row}, {column.strip(' *`:')}: {value}"
    return f"The {name} {'on' if day(row) else 'of'} {row} {_verb(name)} {value.rstrip('.')}."


def _column_name(column: str) -> str:
    return lowered(re.sub(r"[_\s]+", " ", column).strip(" *`:"))
