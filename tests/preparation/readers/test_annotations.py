import json

from records import Drop, Row


def test_what_an_annotator_rejected_is_no_example(read) -> None:
    tasks = [
        {"text": f"Late {n}?", "label": "PARCEL", "answer": answer, "_task_hash": n, "_input_hash": n}
        for n, answer in enumerate(["accept", "reject", "ignore", "accept"])
    ]
    said = read("tasks.jsonl", "\n".join(map(json.dumps, tasks)))
    assert [one.fields for one in said if isinstance(one, Row)] == [
        {"text": "Late 0?", "label": "PARCEL"},
        {"text": "Late 3?", "label": "PARCEL"},
    ]
    assert {one.reason for one in said if isinstance(one, Drop)} == {"an annotation that was not accepted"}


def test_the_options_that_were_chosen_are_the_label(read) -> None:
    options = [{"id": "b", "text": "Billing"}, {"id": "t", "text": "Tech"}]
    task = {"text": "Late?", "options": options, "accept": ["t", "b"], "answer": "accept", "_input_hash": 1}
    (row,) = read("tasks.jsonl", json.dumps(task))
    assert row.fields == {"text": "Late?", "label": "Tech, Billing"}


def test_an_answer_of_that_word_without_hashes_is_an_answer(read) -> None:
    (row,) = read("qa.jsonl", json.dumps({"question": "Take it?", "answer": "accept"}))
    assert row.fields == {"question": "Take it?", "answer": "accept"}
