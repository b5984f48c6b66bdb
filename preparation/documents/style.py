"""Passages -> examples of style: the passage as it stands, asked for by its heading or the text before it."""

import re
from collections.abc import Iterable, Iterator

from preparation.documents.blocks import FOOTNOTE
from preparation.documents.numbering import without_number
from preparation.documents.passages import Passage, Piece, ending, passages, pieces, sentences
from preparation.documents.tongues import language
from preparation.turns import Draft
from records import Row

SECTION = {
    "en": "Write the section “{heading}” of “{title}”.",
    "de": "Schreibe den Abschnitt „{heading}“ von „{title}“.",
    "fr": "Écris la section « {heading} » de « {title} ».",
    "es": "Escribe la sección «{heading}» de «{title}».",
    "it": "Scrivi la sezione «{heading}» di «{title}».",
    "pt": "Escreve a secção «{heading}» de «{title}».",
    "nl": "Schrijf de paragraaf “{heading}” van “{title}”.",
}
ALONE = {
    "en": "Write a passage under the heading “{heading}”.",
    "de": "Schreibe einen Text unter der Überschrift „{heading}“.",
    "fr": "Écris un passage sous le titre « {heading} ».",
    "es": "Escribe un pasaje con el título «{heading}».",
    "it": "Scrivi un brano con il titolo «{heading}».",
    "pt": "Escreve um trecho com o título «{heading}».",
    "nl": "Schrijf een stuk onder de kop “{heading}”.",
}
CONTINUE = {
    "en": "Continue this text:",
    "de": "Setze diesen Text fort:",
    "fr": "Continue ce texte :",
    "es": "Continúa este texto:",
    "it": "Continua questo testo:",
    "pt": "Continua este texto:",
    "nl": "Ga verder met deze tekst:",
}
NOT_ENOUGH = "too short to imitate"
REFERENCES = re.compile(
    r"^(?:references|bibliography|works cited|literatur\w*|quellen\w*|références"
    r"|bibliographie|bibliograf[ií]a)$",
    re.IGNORECASE,
)
SIGNS = re.compile(r"@|<EMAIL_\d|[{}]")
LEAST = 40  # characters of a passage that show a style
TOGETHER = 3  # passages without headings that stay on one side of the split: each quotes the one before


def drafts(rows: Iterable[Row]) -> Iterator[Draft]:
    """Of one document. A first passage without heading is asked for by its own first sentence."""
    before = ""
    tongue = ""
    running: list[Piece] = []
    for piece in pieces(rows):
        if why := _no_model(piece):
            yield Draft(piece.sources, refused=why, excerpt=piece.text)
        else:
            running.append(piece)
    for number, passage in enumerate(passages(running)):
        tongue = tongue or language(passage.text)
        section = passage.heading or ("", str(number // TOGETHER))
        yield _draft(passage, before, tongue, section)
        before = passage.text


def _no_model(piece: Piece) -> str:
    """Footnotes, and blocks of names, addresses and formulas, are no model of style. Verse is one."""
    if piece.heading and REFERENCES.match(without_number(piece.heading[-1])):
        return "a list of references"
    if piece.kind != "paragraph":
        return ""
    if FOOTNOTE.match(piece.text):
        return "a footnote"
    lines = piece.text.split("\n")
    short = len(lines) >= 4 and len(piece.text) < 60 * len(lines)
    return "names, addresses or formulas" if short and SIGNS.search(piece.text) else ""


def _draft(passage: Passage, before: str, tongue: str, section: tuple[str, ...]) -> Draft:
    text = passage.text
    if passage.heading and passage.part == 1 and len(text) >= LEAST:
        return Draft(passage.sources, by_heading(passage.heading, tongue), text, section=section)
    if not before:
        before, text = _beginning(text)
    if len(text) < LEAST:
        return Draft(passage.sources, refused=NOT_ENOUGH, excerpt=passage.text)
    return Draft(passage.sources, f"{CONTINUE[tongue]}\n\n{ending(before)}", text, section=section)


def by_heading(path: tuple[str, ...], tongue: str = "en") -> str:
    heading = without_number(path[-1]).strip("*_ ")
    if len(path) == 1:
        return ALONE[tongue].format(heading=heading)
    return SECTION[tongue].format(heading=heading, title=without_number(path[0]).strip("*_ "))


def _beginning(text: str) -> tuple[str, str]:
    """The first sentence and the rest; of a single sentence its first third."""
    first = sentences(text.split("\n\n", 1)[0])[0]
    if len(text) - len(first) >= LEAST:
        return first, text[len(first) :].strip()
    words = text.split(" ")
    third = max(len(words) // 3, 3)
    return " ".join(words[:third]), " ".join(words[third:])
