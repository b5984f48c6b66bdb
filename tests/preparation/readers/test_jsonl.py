import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preparation.readers import Unreadable
from records import Drop, Message, Row

DIALOGUE = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}


def lines(*values: Any) -> str:
    return "\n".join(json.dumps(value) for value in values)


def spoken(row: Row | Drop) -> list[tuple[str, str]]:
    assert isinstance(row, Row), row
    return [(message.role, message.content) for message in row.messages]


def test_fields_keep_their_names_and_lines(read) -> None:
    rows = read(
        "pairs.jsonl", '{"question": "Why?", "answer": "So."}\n\n{"question": "Who?", "answer": "She."}\n'
    )
    assert [row.fields for row in rows] == [
        {"question": "Why?", "answer": "So."},
        {"question": "Who?", "answer": "She."},
    ]
    assert [row.source.line for row in rows] == [1, 3]


def test_values_become_text_and_nests_dotted_names(read) -> None:
    value = {
        "n": 1,
        "x": 1.5,
        "yes": True,
        "none": None,
        "tags": ["a", "b"],
        "steps": ["One.\nTwo.", "Three."],
        "deep": {"in": {"side": "z"}},
        "list": [{"k": "v"}, {"k": "w"}],
        "empty": [],
    }
    (row,) = read("values.jsonl", lines(value))
    assert row.fields == {
        "n": "1",
        "x": "1.5",
        "yes": "true",
        "tags": "a, b",
        "steps": "One.\nTwo.\nThree.",
        "deep.in.side": "z",
        "list.1.k": "v",
        "list.2.k": "w",
    }


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_line_ends_marks_and_encodings_do_not_matter(read, newline: str, encoding: str) -> None:
    rows = read("ends.jsonl", f'{{"a": "schön"}}{newline}{{"a": "größer"}}{newline}'.encode(encoding))
    assert [row.fields["a"] for row in rows] == ["schön", "größer"]
    assert [row.source.line for row in rows] == [1, 2]


def test_line_separators_inside_a_string_do_not_end_the_line(read) -> None:
    rows = read("separators.jsonl", '{"a": "one\u2028two\x85three"}\n{"a": "b"}\n')
    assert [row.fields["a"] for row in rows] == ["one\u2028two\x85three", "b"]


def test_openai_dialogues_keep_roles_weights_and_text_parts(read) -> None:
    turns = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}]},
        {"role": "assistant", "content": "No", "weight": 0},
        {"role": "user", "content": "Again"},
        {"role": "assistant", "content": "Yes", "weight": 1},
    ]
    (row,) = read("openai.jsonl", lines({"messages": turns}))
    assert row.messages == (
        Message(role="system", content="Be kind."),
        Message(role="user", content="Hi\nthere"),
        Message(role="assistant", content="No", weight=0),
        Message(role="user", content="Again"),
        Message(role="assistant", content="Yes", weight=1),
    )


SYSTEM = {"role": "system", "content": "S"}
PAIR = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
SHARED = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
GEMINI = [{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}]


@pytest.mark.parametrize(
    "value",
    [
        {"system": "S", "conversations": SHARED},
        {"conversations": [{"from": "system", "value": "S"}, *SHARED]},
        {"conversations": [SYSTEM, *PAIR], "id": 7},
        {"systemInstruction": {"parts": [{"text": "S"}]}, "contents": GEMINI},
        {"prompt": [SYSTEM, PAIR[0]], "completion": PAIR[1:]},
        [SYSTEM, *PAIR],
    ],
)
def test_dialogues_of_every_shape_become_messages(read, value: Any) -> None:
    (row,) = read("shape.jsonl", lines(value))
    assert spoken(row) == [("system", "S"), ("user", "a"), ("assistant", "b")]


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        ({"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, "a dialogue that calls tools"),
        ({"role": "tool", "content": "42"}, "a dialogue that calls tools"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {}}]},
            "a message with content that is not text",
        ),
        ({"role": "narrator", "content": "Once"}, "a message of an unknown role"),
        ("Hello", "a turn that is no message"),
    ],
)
def test_dialogues_that_cannot_be_learned_from_are_dropped_with_a_reason(
    read, turn: Any, reason: str
) -> None:
    odd = {"messages": [{"role": "user", "content": "Hi"}, turn]}
    first, drop, last = read("odd.jsonl", lines(DIALOGUE, odd, DIALOGUE))
    assert isinstance(drop, Drop)
    assert (drop.reason, drop.source.line) == (reason, 2)
    assert spoken(first) == spoken(last)


def test_what_is_no_dialogue_among_dialogues_is_dropped(read) -> None:
    items = read("among.jsonl", lines(DIALOGUE, {"version": 3}, DIALOGUE, {"messages": []}))
    assert [item.reason for item in items if isinstance(item, Drop)] == [
        "no dialogue among dialogues",
        "a dialogue without messages",
    ]


def test_broken_lines_cost_only_themselves(read) -> None:
    items = read("broken.jsonl", '{"a": "1"}\n{"a": \n{"a": "2"}\n17\n{"a": "3"},\n{}\n')
    assert [item.fields["a"] for item in items if isinstance(item, Row)] == ["1", "2", "3"]
    drops = [item for item in items if isinstance(item, Drop)]
    assert [(drop.source.line, drop.reason, drop.excerpt) for drop in drops] == [
        (2, "a line that is not valid JSON", '{"a":'),
        (4, "a line that is no JSON object", "17"),
        (6, "an empty record", "{}"),
    ]


def test_a_file_of_mostly_broken_lines_is_unreadable(read) -> None:
    with pytest.raises(Unreadable, match="2 of its 3 lines are not valid JSON, the first is line 1"):
        read("mostly.jsonl", 'hello\nworld\n{"a": "1"}\n')


def test_absurd_nesting_and_numbers_are_broken_lines(read) -> None:
    deep, long = "[" * 200 + "]" * 200, "9" * 5000
    items = read(
        "absurd.jsonl", f'{{"a": "1"}}\n{deep}\n{"[" * 100_000}\n{{"a": {long}}}\n' + '{"a": "2"}\n' * 5
    )
    assert [isinstance(item, Row) for item in items] == [True, False, False, False] + [True] * 5


def test_half_characters_are_replaced(read) -> None:
    (row,) = read("half.jsonl", '{"a": "x\\ud800y", "b": "\\ud83d\\ude00"}')
    assert row.fields == {"a": "x\ufffdy", "b": "😀"}


def test_lines_of_lists_are_tables_texts_or_many_records(read) -> None:
    table = read("table.jsonl", lines(["text", "label"], ["hello my friend", "greet"], ["hi you", "greet"]))
    assert [row.fields for row in table] == [
        {"text": "hello my friend", "label": "greet"},
        {"text": "hi you", "label": "greet"},
    ]
    assert [row.text for row in read("texts.jsonl", lines("One text.", "Another."))] == [
        "One text.",
        "Another.",
    ]
    many = read("many.jsonl", lines([{"a": "1"}, {"a": "2"}], [{"a": "3"}]))
    assert [(row.source.line, row.source.element) for row in many] == [(1, 1), (1, 2), (2, 1)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=8), below, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["messages", "conversations", "contents", "role", "from", "content", "value", "parts"])
TURNS = st.dictionaries(KEYS, JSON | st.sampled_from(["user", "assistant", "tool"]), max_size=3)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        JSON.map(json.dumps)
        | st.fixed_dictionaries({"messages": st.lists(TURNS | JSON, max_size=3)}).map(json.dumps)
        | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
        max_size=3,
    )
)
def test_no_line_costs_its_neighbours(read, odd: list[str]) -> None:
    good = [json.dumps({"question": f"q{number}", "answer": "a"}) for number in range(8)]
    items = read("fuzz.jsonl", "\n".join(good[:4] + odd + good[4:]))
    kept = [
        item.fields.get("question") for item in items if isinstance(item, Row) and item.source.element is None
    ]
    assert [name for name in kept if name in {f"q{number}" for number in range(8)}][:4] == [
        "q0",
        "q1",
        "q2",
        "q3",
    ]
    assert {f"q{number}" for number in range(8)} <= set(kept)
    for item in items:
        item.model_dump_json()
