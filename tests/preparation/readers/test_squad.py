import json

PARAGRAPH = {
    "context": "The ferry leaves at noon.",
    "qas": [
        {"id": "1", "question": "When does it leave? ", "answers": [{"text": "at noon", "answer_start": 17}]},
        {"id": "2", "question": "Who steers it?", "answers": [], "is_impossible": True},
    ],
}


def test_each_question_is_a_record_with_its_passage(read) -> None:
    articles = [{"title": name, "paragraphs": [PARAGRAPH]} for name in ("Ferries", "Boats")]
    rows = read("squad.json", json.dumps({"version": 2, "data": articles}))
    assert [dict(row.fields) for row in rows] == [
        {"context": "The ferry leaves at noon.", "question": "When does it leave?", "answer": "at noon"},
        {"context": "The ferry leaves at noon.", "question": "Who steers it?", "answer": ""},
    ] * 2


def test_other_data_is_read_as_it_was(read) -> None:
    rows = read("other.json", json.dumps({"data": [{"paragraphs": ["One.", "Two."]}, {"paragraphs": []}]}))
    assert not any("context" in row.fields for row in rows)
