"""Each format says what its sample holds, in the same way."""

import pytest

from preparation.readers import ENDINGS, Unreadable
from records import Drop, Row
from tests.preparation.samples import STORY, samples

POINTS = "- Adults pay four\n- Children pay two"
CODE = "```sh\nferry --now\n```"
TABLE = "| From | To |\n| --- | --- |\n| {} | {} |"
DIALOGUE = [("user", "When does it leave?"), ("user", "At noon.")]


def told(items: list) -> list:
    """Heading and text, fields, or the turns of a dialogue."""
    return [
        (*row.heading, row.text)
        if row.text
        else dict(row.fields) or [(message.role, message.content) for message in row.messages]
        for row in items
        if isinstance(row, Row)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "letter.docx",
            [
                ("The ferry", STORY),
                (
                    "The ferry",
                    "Fares",
                    f"{POINTS}\n\n1. Board\n2. Pay\n\n{TABLE.format('North bank', 'South bank')}",
                ),
            ],
        ),
        (
            "talk.pptx",
            [
                ("Why a ferry", "- The bridge is far\n  - The bus is full\n\nMention the school bus."),
                ("Costs", "| Item | Euros |\n| --- | --- |\n| Oil | 900 |"),
            ],
        ),
        (
            "trips.xlsx",
            [
                {"question": "When?", "answer": "At noon.", "year": "2024"},
                {"question": "Where?", "answer": "Here.", "year": "2025.5"},
                {"name": "Gull", "metres": "12"},
                {"name": "Tern", "metres": "9"},
            ],
        ),
        ("call.vtt", [[("user", "When does it leave?"), ("user", "At noon. I am sure.")]]),
        ("film.srt", [(STORY,)]),
        ("letter.odt", [("The ferry", f"{STORY}\n\n1. Board\n2. Pay\n\n| From | To |\n| --- | --- |")]),
        ("letter.rtf", [("The ferry", f"{STORY}\n\n| From | To |\n| --- | --- |")]),
        ("book.epub", [("The ferry", "Noon", STORY), ("The ferry", "Six", STORY)]),
        ("page.html", [("The ferry", STORY), ("The ferry", "Fares", f"{POINTS}\n\n{CODE}")]),
        ("article.xml", [("The ferry", "Fares", STORY)]),
        (
            "records.xml",
            [{"id": "1", "q": "When?", "a": "At noon."}, {"id": "2", "q": "Where?", "a": "Here."}],
        ),
        ("mail.eml", [("The ferry", STORY)]),
        ("mail.msg", [("The ferry", STORY)]),
        (
            "box.mbox",
            [
                (f"Ferry {number}", words)
                for number in range(3)
                for words in ("When does it leave?", "At noon.\n\n> When does it leave?")
            ],
        ),
        ("guide.rst", [("The ferry", f"{STORY}\n\n{CODE}"), ("The ferry", "Fares", POINTS)]),
        (
            "notes.org",
            [
                (
                    "The ferry",
                    "Fares",
                    f"{STORY}\n- Adults pay four\n\n{CODE}\n\n{TABLE.format('here', 'there')}",
                )
            ],
        ),
        ("work.ipynb", [("The ferry", f"{STORY}\n\n```python\nprint(1)\n```\n\n```text\n1\n```")]),
        (
            "ferry.py",
            [("ferry.py", '```python\n"""The ferry."""\n\n\ndef leave() -> str:\n    return "at noon"\n```')],
        ),
        (
            "trips.parquet",
            [{"question": "When?", "answer": "At noon."}, {"question": "Where?", "answer": "Here."}],
        ),
    ],
)
def test_headings_lists_tables_and_code_survive(read, name: str, expected: list) -> None:
    assert told(read(name, samples()[name])) == expected


@pytest.mark.parametrize("name", sorted({ending for endings in ENDINGS.values() for ending in endings}))
def test_noise_of_any_ending_is_told_or_read_and_never_breaks_a_reader(read, name: str) -> None:
    for content in (b"\x00\x01\x02" * 700, b"PK\x03\x04" + bytes(60), b"<a><b>&x;</b", b"\xff" * 90, b"[[[{"):
        try:
            items = read(f"file{name}", content)
        except Unreadable as error:
            assert error.reason
        else:
            assert all(isinstance(item, (Row, Drop, tuple)) for item in items)
