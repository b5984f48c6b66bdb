"""Questions about passages in the form of SQuAD: articles of paragraphs, each with what is asked about it."""

from typing import Any


def questions(document: dict[str, Any]) -> list[dict[str, str]]:
    """A record for each question, with its passage and its first answer, empty where there is none; nothing
    for any other document."""
    articles = document.get("data")
    if not isinstance(articles, list) or not articles or not all(map(_is_article, articles)):
        return []
    return [
        {"context": paragraph["context"], "question": asked["question"].strip(), "answer": _answer(asked)}
        for article in articles
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]


def _is_article(article: Any) -> bool:
    paragraphs = article.get("paragraphs") if isinstance(article, dict) else None
    return isinstance(paragraphs, list) and all(
        isinstance(paragraph, dict)
        and isinstance(paragraph.get("context"), str)
        and isinstance(paragraph.get("qas"), list)
        and all(
            isinstance(asked, dict) and isinstance(asked.get("question"), str) for asked in paragraph["qas"]
        )
        for paragraph in paragraphs
    )


def _answer(asked: dict[str, Any]) -> str:
    answers = asked.get("answers")
    first = answers[0] if isinstance(answers, list) and answers else None
    text = first.get("text") if isinstance(first, dict) else None
    return text.strip() if isinstance(text, str) else ""
