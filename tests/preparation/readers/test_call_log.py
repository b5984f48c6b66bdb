import json
from typing import Any

import pytest

SYSTEM = {"role": "system", "content": "S"}
USER = {"role": "user", "content": "a"}
ANSWER = {"role": "assistant", "content": "b"}
CHOICES = {"choices": [{"message": ANSWER}]}
PARTS = [{"type": "text", "text": "b"}]
GEMINI = {"role": "user", "parts": [{"text": "a"}]}


@pytest.mark.parametrize(
    "value",
    [
        {"request": {"model": "m", "messages": [SYSTEM, USER]}, "response": CHOICES},
        {"request": {"body": {"messages": [SYSTEM, USER]}}, "response": {"body": CHOICES}},
        {"inputs": {"messages": [SYSTEM, USER]}, "outputs": {"generations": [[{"text": "b"}]]}},
        {"input": [SYSTEM, USER], "ideal": "b"},
        {"item": {"input": [SYSTEM, USER]}, "output": [{**ANSWER, "content": PARTS}]},
        {"messages": [SYSTEM, USER], "response": {"content": PARTS, "role": "assistant"}},
        {"messages": [SYSTEM, USER], "completion": "b"},
        {
            "request": {"systemInstruction": {"parts": [{"text": "S"}]}, "contents": [GEMINI]},
            "response": {"candidates": [{"content": {"role": "model", "parts": [{"text": "b"}]}}]},
        },
        {"prompt": [SYSTEM, USER], "chosen": "b", "rejected": "c"},
        {"messages": [SYSTEM, {"role": "User", "message": "a"}, {"role": "Chatbot", "message": "b"}]},
    ],
)
def test_a_call_to_a_model_is_a_dialogue(read, value: dict[str, Any]) -> None:
    row = read("calls.jsonl", "\n".join([json.dumps(value)] * 2))[0]
    assert [(message.role, message.content) for message in row.messages] == [
        ("system", "S"),
        ("user", "a"),
        ("assistant", "b"),
    ]


def test_what_was_said_before_the_last_question_comes_first(read) -> None:
    said = [{"role": "USER", "message": "a"}, {"role": "CHATBOT", "message": "b"}]
    call = {"chat_history": said, "message": "And then?", "response": {"text": "c"}}
    (row,) = read("calls.jsonl", json.dumps(call))
    assert [message.content for message in row.messages] == ["a", "b", "And then?", "c"]


def test_an_answer_with_a_tool_is_named(read) -> None:
    called = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    call = {"request": {"messages": [USER]}, "response": {"choices": [{"message": called}]}}
    (drop,) = read("calls.jsonl", json.dumps(call))
    assert drop.reason == "a dialogue that calls tools"


@pytest.mark.parametrize(
    "response",
    [
        {"choices": [{"message": ANSWER, "finish_reason": "length"}]},
        {"role": "assistant", "content": PARTS, "stop_reason": "max_tokens"},
        {
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS"}
            ]
        },
    ],
)
def test_an_answer_that_was_cut_off_is_none(read, response: dict[str, Any]) -> None:
    (drop,) = read("calls.jsonl", json.dumps({"request": {"messages": [USER]}, "response": response}))
    assert drop.reason == "an answer that was cut off"


@pytest.mark.parametrize("value", [{"conversations": ["a", "b"]}, {"id": 3, "data": ["a", "b"]}])
def test_texts_in_turn_are_questions_and_answers(read, value: dict[str, Any]) -> None:
    (row,) = read("lima.jsonl", json.dumps(value))
    assert [(message.role, message.content) for message in row.messages] == [
        ("user", "a"),
        ("assistant", "b"),
    ]


def test_other_records_with_lists_stay_records(read) -> None:
    value = {"data": ["a", "b"], "output": "c", "topic": "d"}
    (row,) = read("records.jsonl", json.dumps(value))
    assert row.fields == {"data": "a, b", "output": "c", "topic": "d"}
