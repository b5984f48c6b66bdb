"""What is sent to OpenAI, and what is refused before it is sent."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from errors import InvalidData
from providers.openai.provider import OpenAI
from records import Dataset, Recipe
from tests.providers.conftest import LABEL, PAIRS, pair
from tests.vendors.openai_vendor import OpenAIVendor

MakeDataset = Callable[..., Dataset]
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call-1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
CALLING = {
    "messages": [
        {"role": "user", "content": "Where is the saw?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call-1", "content": "shelf 7"},
        {"role": "assistant", "content": "On shelf 7."},
    ],
    "tools": [TOOL],
}


def sent(provider: OpenAI, vendor: OpenAIVendor, dataset: Dataset, recipe: Recipe) -> list[dict[str, Any]]:
    provider.start(dataset, recipe, LABEL)
    (file,) = vendor.files.values()
    assert [provider.poll(job).status for job in vendor.jobs] == ["queued"]
    return [json.loads(line) for line in file["content"].decode("utf-8").splitlines()]


def test_weights_are_kept_and_empty_fields_left_out(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    said = [
        {"role": "user", "content": "Hi", "weight": None},
        {"role": "assistant", "content": "Hello", "weight": 0},
        {"role": "user", "content": "Lamps?"},
        {"role": "assistant", "content": "shelf 0", "weight": 1},
    ]
    first, *_ = sent(provider, vendor, dataset([{"messages": said}, *PAIRS]), recipe)
    assert [message.get("weight", "none") for message in first["messages"]] == ["none", 0, "none", 1]


def test_tool_calls_go_along_with_their_tools(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    first, *_ = sent(provider, vendor, dataset([CALLING, *PAIRS]), recipe)
    assert first["tools"] == [TOOL]
    assert first["messages"][1] == {"role": "assistant", "tool_calls": [CALL]}


def test_other_languages_arrive_as_they_are(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    spoken = [
        pair("灯泡放在哪里？", "架子 0 💡"),
        pair("Где лежит верёвка?", "полка 1"),
        pair("أين الطلاء؟", "رف ٢"),
    ]
    lines = sent(provider, vendor, dataset([*spoken, *PAIRS]), recipe)
    assert lines[:3] == spoken


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        (pair("Lamps?", "shelf 0", weight=0), "every answer has weight 0"),
        ({"messages": [{"role": "user", "content": "Lamps?"}]}, "the last message is not from the assistant"),
        ({"messages": []}, "no messages"),
        (pair("Lamps?", ""), "says nothing"),
        (pair("Lamps?", "shelf<|endoftext|>"), "reserved token"),
        ({**CALLING, "tools": []}, "does not describe its tools"),
        (
            {"messages": [{"role": "tool", "content": "7"}, {"role": "assistant", "content": "7"}]},
            "does not name",
        ),
    ],
)
def test_an_example_that_would_fail_there_is_named_before_anything_is_sent(
    provider: OpenAI,
    vendor: OpenAIVendor,
    dataset: MakeDataset,
    recipe: Recipe,
    example: dict[str, Any],
    reason: str,
) -> None:
    made = dataset([*PAIRS, example, example])
    (finding,) = [found for found in provider.check(made, recipe) if found.severity == "error"]
    assert reason in finding.message
    assert "example 13, 14" in finding.message
    assert finding.count == 2
    with pytest.raises(InvalidData, match="Training example 13"):
        provider.start(made, recipe, LABEL)
    assert (vendor.files, vendor.jobs) == ({}, {})


def test_the_same_examples_always_make_the_same_file(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    provider.start(dataset(), recipe, LABEL)
    spaced = [json.loads(json.dumps(example, indent=2)) for example in PAIRS]
    provider.start(dataset(spaced), recipe, "job-2")
    assert len(vendor.files) == 1
