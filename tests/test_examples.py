"""The example inputs keep the promises that examples/README.md and the demo make about them."""

import csv
import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pypdf
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
HELP_CENTRE = EXAMPLES / "help-centre"
ARTICLES = sorted(HELP_CENTRE.glob("*.md"))
RUNNING_HEADER = "Guarantee terms for household goods"


def tickets() -> list[dict[str, str]]:
    with (EXAMPLES / "tickets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def questions() -> list[dict[str, str]]:
    lines = (HELP_CENTRE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def pdf_pages() -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(HELP_CENTRE / "guarantee-terms.pdf").pages]


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[\w']+", text.lower()))


def closest_pair(texts: list[str]) -> tuple[float, str, str]:
    """The two texts with the highest Jaccard similarity of their sets of words."""
    sets = [(words(text), text) for text in texts]
    return max((len(a & b) / len(a | b), one, other) for (a, one), (b, other) in combinations(sets, 2))


def test_every_ticket_has_a_text_and_a_queue_and_nothing_else() -> None:
    for row in tickets():
        assert list(row) == ["ticket", "queue"]
        assert all(value and value == value.strip() for value in row.values())


def test_there_are_at_least_280_tickets_in_eight_to_ten_queues() -> None:
    rows = tickets()
    assert len(rows) >= 280
    assert 8 <= len({row["queue"] for row in rows}) <= 10


def test_the_queues_are_balanced() -> None:
    sizes = Counter(row["queue"] for row in tickets())
    assert max(sizes.values()) <= 1.2 * min(sizes.values())


def test_queue_names_are_one_or_two_lower_case_words() -> None:
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)?", row["queue"]) for row in tickets())


def test_tickets_are_short_messages() -> None:
    lengths = [len(row["ticket"].split()) for row in tickets()]
    assert min(lengths) >= 8
    assert max(lengths) <= 30
    assert 12 <= sum(lengths) / len(lengths) <= 18


def test_no_two_tickets_are_near_duplicates() -> None:
    similarity, one, other = closest_pair([row["ticket"] for row in tickets()])
    assert similarity < 0.7, (one, other)


def test_the_queues_are_mixed_in_the_file() -> None:
    queues = [row["queue"] for row in tickets()]
    assert len(set(queues[:40])) == len(set(queues))


def test_every_question_is_a_pair_with_an_answer() -> None:
    pairs = questions()
    assert len(pairs) >= 40
    for pair in pairs:
        assert list(pair) == ["question", "answer"]
        assert all(value.strip() for value in pair.values())


def test_no_two_questions_are_near_duplicates() -> None:
    similarity, one, other = closest_pair([pair["question"] for pair in questions()])
    assert similarity < 0.7, (one, other)


def test_there_are_five_to_seven_articles() -> None:
    assert 5 <= len(ARTICLES) <= 7


@pytest.mark.parametrize("article", ARTICLES, ids=lambda path: path.stem)
def test_an_article_has_one_title_sections_a_list_a_table_and_questions(article: Path) -> None:
    text = article.read_text(encoding="utf-8")
    assert len(re.findall(r"^# \S", text, re.MULTILINE)) == 1
    assert len(re.findall(r"^## \S", text, re.MULTILINE)) >= 3
    assert re.search(r"^(- |1\. )\S", text, re.MULTILINE)
    assert re.search(r"^\| ---", text, re.MULTILINE)
    assert len(re.findall(r"^###? .*\?$", text, re.MULTILINE)) >= 3


@pytest.mark.parametrize("article", ARTICLES, ids=lambda path: path.stem)
def test_an_article_is_250_to_600_words_long(article: Path) -> None:
    assert 250 <= len(re.findall(r"\w[\w'.£-]*", article.read_text(encoding="utf-8"))) <= 600


def test_the_pdf_has_three_or_four_pages_of_text_and_stays_small() -> None:
    pages = pdf_pages()
    assert len(pages) in (3, 4)
    assert all(len(page.split()) > 200 for page in pages)
    assert (HELP_CENTRE / "guarantee-terms.pdf").stat().st_size < 60_000


def test_every_page_of_the_pdf_carries_the_running_header_and_its_number() -> None:
    pages = pdf_pages()
    for number, page in enumerate(pages, start=1):
        assert page.startswith(RUNNING_HEADER)
        assert page.rstrip().endswith(f"Page {number} of {len(pages)}")


def test_the_pdf_has_numbered_headings() -> None:
    assert len(re.findall(r"^\d+\. [A-Z]", "\n".join(pdf_pages()), re.MULTILINE)) >= 8
