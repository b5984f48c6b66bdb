"""Documents and tables of facts -> questions and answers: FAQ patterns, definitions, tables, headings."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from preparation.documents.fact_tables import cells, of_table, plain
from preparation.documents.numbering import is_numeral
from preparation.documents.passages import Piece, ending, passages, pieces
from preparation.documents.plain_headings import ASKED
from preparation.documents.questions import from_heading, is_question, of_term
from preparation.documents.tongues import language
from preparation.turns import Draft
from records import Row

ANSWERED = re.compile(
    r"^\s*(?:\*\*|__)?(?:a|answer|ans|antwort|respuesta|r|réponse|risposta|resposta|antwoord|svar|odpowiedź|ответ|答|回答)"
    r"\s?\d{0,3}\s*[:.)：]\s*(?:\*\*|__)?\s*",
    re.IGNORECASE,
)
ASKED_ITEM = re.compile(
    r"^\s*(?:[-*+•]|\(?\d{1,3}[.)])\s+(?:\*\*|__)?([^\n]{4,200}[?？])(?:\*\*|__)?\s*$", re.MULTILINE
)
LEADING_NUMBER = re.compile(r"^\s*\(?\d{1,3}[.)]\s+")
BOLD = re.compile(r"^(?:\*\*|__)(.{5,200}?)(?:\*\*|__)$")
MARK = r"(?:[-*+•]\s+|\d+[.)]\s+)?"
# **Term**: what it is · **Term** - what it is · Term: what it is
BOLD_TERM = re.compile(
    rf"^\s*{MARK}(?:\*\*|__)(?P<term>[^*_\n]{{2,60}}?)(?:(?P<stop>[:.])(?:\*\*|__)|(?:\*\*|__)\s*(?::|[–—-]\s|=\s))"
    r"\s*(?P<text>\S.{8,})$",
    re.DOTALL,
)
PLAIN_TERM = re.compile(
    rf"^\s*{MARK}(?P<term>[^\W\d_][\w /()&'’-]{{1,50}}?)\s*(?::\s|\s[–—]\s|\s-\s)\s*(?P<text>\S.{{15,}})$",
    re.DOTALL,
)
DEFINED = re.compile(r"^:\s+")
# labels of fields and notes, not terms
NO_TERM = re.compile(
    r"^(?:note|tip|warning|caution|important|example|see|see also|e\.?g|i\.?e|step \d+|from|to|cc|subject"
    r"|date|re|https?|hinweis|achtung|nota|answer|question|q|a|the|this|if|when)$",
    re.IGNORECASE,
)
LONG_ANSWER = 1500  # characters; after the last question of a section more than that is another matter
LEAST = 80  # characters that stand between questions and are worth a question of their own
LEAD_IN = "a line that leads to questions or definitions"
NO_QUESTION = "no heading, question or definition to ask by"


@dataclass
class Found:
    """Questions of one section, and the pieces that none of them used. `strong` counts the characters that
    stood as question and answer, definition or table."""

    drafts: list[Draft] = field(default_factory=list)
    rest: list[Piece] = field(default_factory=list)
    strong: int = 0
    tongue: str = "en"

    def add(self, question: str, answer: str, used: Sequence[Piece]) -> None:
        question, answer = plain(question), answer.strip()
        sources = tuple(dict.fromkeys(source for piece in used for source in piece.sources))
        self.strong += len(answer)
        if question and answer:
            self.drafts.append(Draft(sources, question, answer, section=used[0].heading))


def drafts(rows: Iterable[Row]) -> Iterator[Draft]:
    """Of one document."""
    tongue = "en"
    for section in _by_heading(pieces(rows)):
        # a table holds few of the words that tell a language: what stood before it does
        tongue = language(" ".join(piece.text for piece in section), otherwise=tongue)
        found = extract(section, tongue)
        yield from found.drafts
        # what stands below a heading that asks is its answer, however short
        asks = section[0].heading and is_question(section[0].heading[-1])
        yield from _of_rest(found.rest, LEAST if found.drafts and not asks else 0, tongue)


def strength(rows: Iterable[Row]) -> tuple[int, int]:
    """Characters that stand as questions with answers, definitions, tables or below headings that ask, and
    all characters."""
    strong = every = 0
    for section in _by_heading(pieces(rows)):
        size = sum(len(piece.text) for piece in section)
        found = extract(section)
        asks = section[0].heading and asks_of_action(section[0].heading)
        strong += size if asks else min(size, found.strong)
        every += size
    return strong, every


def asks_of_action(path: tuple[str, ...]) -> bool:
    """Whether the heading asks, or says how to do a thing."""
    return is_question(path[-1]) or from_heading(path).startswith("How do I")


def _by_heading(found: Iterable[Piece]) -> Iterator[list[Piece]]:
    held: list[Piece] = []
    for piece in found:
        if held and piece.heading != held[0].heading:
            yield held
            held = []
        held.append(piece)
    if held:
        yield held


def extract(section: list[Piece], tongue: str = "en") -> Found:
    """The patterns, in one walk over the pieces of a section."""
    found = Found(tongue=tongue)
    at = 0
    while at < len(section):
        used = next(filter(None, (pattern(section, at, found) for pattern in PATTERNS)), 0)
        if not used and section[at].kind == "table":
            used = _table(section[at], found)
        if not used:
            found.rest.append(section[at])
        at += max(used, 1)
    return found


def _faq(section: list[Piece], at: int, found: Found) -> int:
    """`Q: …` and `A: …`, as lines of one paragraph or as paragraphs; pieces after A: belong to it until the
    next question, if the next question comes at all."""
    if section[at].kind not in ("paragraph", "list") or not ASKED.match(section[at].text):
        return 0
    end = at + 1
    while end < len(section) and not ASKED.match(section[end].text) and not _starts_question(section[end]):
        end += 1
    if end == len(section) and sum(len(piece.text) for piece in section[at:end]) > LONG_ANSWER:
        end = _end_of_answer(section, at)
    pairs = list(_lines_of_faq("\n\n".join(piece.text for piece in section[at:end])))
    for question, answer in pairs:
        found.add(question, answer, section[at:end])
    return end - at if pairs else 0


def _end_of_answer(section: list[Piece], at: int) -> int:
    """Of the last question of a long section: its answer ends with the block it begins in."""
    end = at + 1
    while end < len(section) and not any(map(ANSWERED.match, section[end - 1].text.split("\n"))):
        end += 1
    return end


def _lines_of_faq(text: str) -> Iterator[tuple[str, str]]:
    question: list[str] = []
    answer: list[str] | None = None
    for line in text.split("\n"):
        if ASKED.match(line):
            if answer is not None:
                yield "\n".join(question), "\n".join(answer)
            question, answer = [ASKED.sub("", line)], None
        elif answer is None and ANSWERED.match(line):
            answer = [ANSWERED.sub("", line)]
        elif answer is None:
            question.append(line)
        else:
            answer.append(line)
    if answer is not None:
        yield "\n".join(question), "\n".join(answer)


def _asked_in_list(section: list[Piece], at: int, found: Found) -> int:
    """Questions as items of a list, each with its answer on the lines or in the paragraphs below it."""
    if section[at].kind != "list" or not ASKED_ITEM.match(section[at].text):
        return 0
    end = at + 1
    while end < len(section) and section[end].kind != "table" and not _starts_question(section[end]):
        end += 1
    if sum(len(piece.text) for piece in section[at:end]) > LONG_ANSWER:
        end = at + 1 + ("\n" not in section[at].text and end > at + 1)
    _, *parts = ASKED_ITEM.split("\n\n".join(piece.text for piece in section[at:end]))
    pairs = [
        (question, "\n".join(line.strip() for line in answer.strip().split("\n")))
        for question, answer in zip(parts[::2], parts[1::2], strict=True)
    ]
    answered = [(question, answer) for question, answer in pairs if answer]
    # questions that nobody answers there, with other text below the last one
    if 2 * len(answered) <= len(pairs):
        return 0
    for question, answer in answered:
        found.add(question, ANSWERED.sub("", answer), section[at:end])
    return end - at


def _asked_alone(section: list[Piece], at: int, found: Found) -> int:
    """A question as a paragraph of its own, or as its first line, bold or not, with its answer below."""
    first, _, below = section[at].text.partition("\n")
    bold = BOLD.match(first.strip())
    question = LEADING_NUMBER.sub("", bold[1] if bold else first)
    if (
        section[at].kind != "paragraph"
        or len(question) > 200
        or not question.rstrip("*_ ").endswith(("?", "？"))
    ):
        return 0
    if len(_sentence_marks(question)) > 1:
        return 0
    end = at + 1
    while end < len(section) and not _starts_question(section[end]) and (end == at + 1 or bold):
        end += 1
    answer = "\n\n".join(
        [*([below] if below.strip() else []), *(piece.text for piece in section[at + 1 : end])]
    )
    if below.strip() and not bold:
        answer, end = below, at + 1
    if not answer.strip():
        return 0
    found.add(question, answer, section[at:end])
    return end - at


def _sentence_marks(text: str) -> list[str]:
    return re.findall(r"[.?!](?=\s|$)", text)


def _starts_question(piece: Piece) -> bool:
    first = piece.text.split("\n", 1)[0].strip()
    if piece.kind == "list":
        return bool(ASKED_ITEM.match(piece.text))
    return piece.kind == "paragraph" and len(first) <= 200 and first.rstrip("*_ ").endswith("?")


def _defined(section: list[Piece], at: int, found: Found) -> int:
    """Terms with what they mean: bold ones wherever they stand, plain ones where two follow each other."""
    piece = section[at]
    if piece.kind not in ("paragraph", "list"):
        return 0
    lines = piece.text.split("\n")
    if len(lines) > 1 and any(DEFINED.match(line) for line in lines[1:]):
        return _markdown_definitions(piece, lines, found)
    bold = [match for line in lines if (match := BOLD_TERM.match(line))]
    plain = [match for line in lines if (match := PLAIN_TERM.match(line))]
    matches = bold if len(bold) == len(lines) else plain if len(plain) == len(lines) > 1 else []
    if not matches or any(NO_TERM.match(match["term"].strip()) for match in matches):
        return 0
    if any(match["term"].rstrip().endswith("?") for match in matches):
        for match in matches:
            found.add(match["term"], match["text"], [piece])
        return 1
    for match in matches:
        term, text = match["term"], match["text"].strip()
        runs_in = match.groupdict().get("stop") == "."
        question = of_term(f"{term}." if runs_in else term, text, found.tongue)
        found.add(question, _as_sentence(term, text), [piece])
    return 1


PATTERNS = (_faq, _asked_in_list, _asked_alone, _defined)


def _markdown_definitions(piece: Piece, lines: list[str], found: Found) -> int:
    term = ""
    for line in lines:
        if DEFINED.match(line) and term:
            text = DEFINED.sub("", line).strip()
            found.add(of_term(term, text, found.tongue), _as_sentence(term, text), [piece])
        elif line.strip():
            term = line.strip()
    return 1


def _as_sentence(term: str, text: str) -> str:
    """A definition that starts small reads on from its term; one that starts big stands alone."""
    text = text.strip()
    term = term.strip(" *_`:")
    return text if text[0].isupper() or text[0].isdigit() else f"{term}: {text}"


def _table(piece: Piece, found: Found) -> int:
    rows = cells(piece.text)
    if len(rows) < 2 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return 0
    if all(is_numeral(row[0]) for row in rows):
        return 0  # a numbered list: its first row names no columns
    for question, answer in of_table(rows[0], rows[1:], piece.heading, found.tongue):
        found.add(question, answer, [piece])
    return 1


def _of_rest(rest: list[Piece], least: int, tongue: str) -> Iterator[Draft]:
    """What no pattern took: asked for by its heading, the further parts by what stands before them."""
    before = ""
    for passage in passages(rest):
        if not passage.heading:
            yield Draft(passage.sources, refused=NO_QUESTION, excerpt=passage.text)
            continue
        if len(passage.text) < least:
            yield Draft(passage.sources, refused=LEAD_IN, excerpt=passage.text)
            continue
        question = from_heading(passage.heading, tongue)
        if before:
            question = f"{question} You got as far as: “{ending(before, 160)}”"
        yield Draft(passage.sources, question, passage.text, section=passage.heading)
        before = passage.text
