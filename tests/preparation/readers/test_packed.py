import csv
import io
import json

import pytest

TURNS = [
    {"role": "user", "content": "Is it “late”, or\nlost?"},
    {"role": "assistant", "content": "It isn't {yet}."},
]
NUMPY = (
    "[{'content': 'Is it “late”, or\\nlost?', 'role': 'user'}\n"
    """ {'content': "It isn't {yet}.", 'role': 'assistant'}]"""
)


def table(*rows: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("cell", [json.dumps(TURNS), repr(TURNS), NUMPY, f"array({TURNS!r}, dtype=object)"])
def test_a_dialogue_in_a_cell_is_one(read, cell: str) -> None:
    rows = read("chats.csv", table(["id", "system", "turns"], ["1", "Be kind.", cell], ["2", "", cell]))
    said = [[(message.role, message.content) for message in row.messages] for row in rows]
    pair = [("user", TURNS[0]["content"]), ("assistant", TURNS[1]["content"])]
    assert said == [[("system", "Be kind."), *pair], pair]


@pytest.mark.parametrize("cell", ['[{"role": [', "[{'role': 'x', 1}]", '{"from": "here", "to": "there"}'])
def test_other_cells_stay_cells(read, cell: str) -> None:
    rows = read("cells.csv", table(["id", "cell"], ["1", cell], ["2", cell]))
    assert [row.fields["cell"] for row in rows] == [cell] * 2
