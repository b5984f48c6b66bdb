"""Passages -> examples of style: the passage as it stands, asked for by its heading or by the text before it."""

from collections.abc import Iterable, Iterator

from preparation.passages import Passage, ending, passages, pieces, sentences
from preparation.questions import language, without_number
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
LEAST = 40  # characters of a passage that show a style


def drafts(rows: Iterable[Row]) -> Iterator[Draft]:
    """Of one document. A first passage without heading is asked for by its own first sentence."""
    before = ""
    tongue = ""
    for passage in passages(pieces(rows)):
        tongue = tongue or language(passage.text)
        yield _draft(passage, before, tongue)
        before = passage.text


def _draft(passage: Passage, before: str, tongue: str) -> Draft:
    text = passage.text
    if len(text) < LEAST:
        return Draft(passage.sources, refused=NOT_ENOUGH, excerpt=text)
    if passage.heading and passage.part == 1:
        return Draft(passage.sources, by_heading(passage.heading, tongue), text, section=passage.heading)
    if not before:
        before, text = _first_sentence(text)
    if not text:
        return Draft(passage.sources, refused=NOT_ENOUGH, excerpt=before)
    return Draft(passage.sources, f"{CONTINUE[tongue]}\n\n{ending(before)}", text, section=passage.heading)


def by_heading(path: tuple[str, ...], tongue: str = "en") -> str:
    heading = without_number(path[-1]).strip("*_ ")
    if len(path) == 1:
        return ALONE[tongue].format(heading=heading)
    return SECTION[tongue].format(heading=heading, title=without_number(path[0]).strip("*_ "))


def _first_sentence(text: str) -> tuple[str, str]:
    first = sentences(text.split("\n\n", 1)[0])[0]
    return first, text[len(first) :].strip()
