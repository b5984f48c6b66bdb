import json
from typing import Any

import pytest

from records import Drop, Row

ASKED = {"role": "user", "content": "Why?"}
GOOD = {"role": "assistant", "content": "So."}
BAD = {"role": "assistant", "content": "No idea."}


@pytest.mark.parametrize(
    "value",
    [
        {"input": {"messages": [ASKED]}, "preferred_output": [GOOD], "non_preferred_output": [BAD]},
        {"chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
        {"prompt": [ASKED], "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": "Why?", "chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
        {"prompt": "Why?", "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": [ASKED], "chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
        {
            "chosen": "\n\nHuman: Why?\n\nAssistant: So.",
            "rejected": "\n\nHuman: Why?\n\nAssistant: No idea.",
        },
    ],
)
def test_the_preferred_answer_is_learned_and_the_other_one_left_out(read, value: dict[str, Any]) -> None:
    row, drop = read("pairs.jsonl", json.dumps(value))
    assert isinstance(row, Row)
    assert [(message.role, message.content) for message in row.messages] == [
        ("user", "Why?"),
        ("assistant", "So."),
    ]
    assert isinstance(drop, Drop)
    assert drop.reason == "an answer that people did not prefer"
    assert drop.excerpt.endswith("No idea.")


def test_an_answer_that_was_judged_bad_is_left_out(read) -> None:
    values = [{"prompt": f"Why {n}?", "completion": f"So {n}.", "label": n != 1} for n in range(3)]
    rows = read("judged.jsonl", "\n".join(map(json.dumps, values)))
    assert [isinstance(row, Drop) for row in rows] == [False, True, False]
    assert rows[1].excerpt == "So 1."


def test_texts_chosen_and_rejected_stay_fields(read) -> None:
    (row,) = read("pairs.jsonl", '{"prompt": "Why?", "chosen": "So.", "rejected": "No idea."}')
    assert set(row.fields) == {"prompt", "chosen", "rejected"}
