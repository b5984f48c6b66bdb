import pytest

from preparation.readers import Unreadable
from records import Drop, Row

ASKED = (
    "faqs:\n- question: Is it late?\n  answer: no\n- question: |\n    And\n    now?\n  answer: 2026-01-01\n"
)
RASA = """version: "3.1"
nlu:
- intent: order
  examples: |
    - where is my [parcel](thing)
    - is [it]{"entity": "thing", "value": "x"} late
- intent: bye
  examples:
  - text: |
      see you
- lookup: city
  examples: |
    - Rome
"""
CONFIG = "services:\n- name: web\n  image: nginx\n  text: Some long words about the service\n"
BOMB = "a: &a [x, x]\nquestions:\n- {question: Why?, answer: *a}\n- {question: How?, answer: *a}\n"


def test_questions_and_answers_are_records_of_what_is_written(read) -> None:
    rows = read("faq.yaml", ASKED)
    assert [row.fields for row in rows] == [
        {"question": "Is it late?", "answer": "no"},
        {"question": "And\nnow?\n", "answer": "2026-01-01"},
    ]
    assert [row.source.element for row in rows] == [1, 2]


def test_dialogues_and_documents_of_one_record_each_are_records(read) -> None:
    (row,) = read(
        "chat.yml", "messages:\n- {role: user, content: Late?}\n- {role: assistant, content: No.}\n"
    )
    assert [message.content for message in row.messages] == ["Late?", "No."]
    rows = read("many.yml", "text: Late?\nlabel: no\n---\ntext: Lost?\nlabel: yes\n")
    assert [row.fields["label"] for row in rows] == ["no", "yes"]


def test_keys_that_ask_are_questions(read) -> None:
    rows = read("faq.yml", "parcels:\n  Is it late?: No.\n  Is it lost?: Never.\nother:\n  How?: By ship.\n")
    assert [tuple(row.fields.values()) for row in rows] == [
        ("Is it late?", "No."),
        ("Is it lost?", "Never."),
        ("How?", "By ship."),
    ]


def test_examples_of_a_bot_are_labelled_texts(read) -> None:
    items = read("nlu.yml", RASA)
    assert [row.fields for row in items if isinstance(row, Row)] == [
        {"text": "where is my parcel", "intent": "order"},
        {"text": "is it late", "intent": "order"},
        {"text": "see you", "intent": "bye"},
    ]
    assert [drop.source.element for drop in items if isinstance(drop, Drop)] == [3]
    with pytest.raises(Unreadable, match="holds no examples"):
        read("stories.yml", 'version: "3.1"\nstories:\n- story: one\n  steps: []\n')


@pytest.mark.parametrize("text", [CONFIG, BOMB, "a: [1, 2", "key: value\n", "- one\n- two\n"])
def test_other_yaml_is_code(read, text: str) -> None:
    (row,) = read("config.yaml", text)
    assert row.text == f"```yaml\n{text.rstrip()}\n```"
