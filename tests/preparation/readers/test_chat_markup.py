import json

import pytest

from preparation.readers.chat_markup import marked_turns
from records import Row

SAID = [("system", "Be brief."), ("user", "Why?"), ("assistant", "So.")]


@pytest.mark.parametrize(
    "text",
    [
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
        "<|im_start|>assistant\nSo.<|im_end|>",
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nSo.<|eot_id|>",
        "<|system|>\nBe brief.</s>\n<|user|>\nWhy?</s>\n<|assistant|>\nSo.</s>",
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nWhy? [/INST] So. </s>",
        "### System: Be brief.### Human: Why?### Assistant: So.",
    ],
)
def test_each_markup_tells_who_says_what(text: str) -> None:
    turns = marked_turns(text)
    assert turns is not None
    assert [(turn["role"], turn["content"]) for turn in turns] == SAID


@pytest.mark.parametrize(
    "text",
    [
        "<bos><start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\nSo.<end_of_turn>\n",
        "\n\nHuman: Why?\n\nAssistant: So.",
        "### Instruction:\nWhy?\n\n### Response:\nSo.",
        "Below is an instruction that describes a task.\n\n### Instruction:\nWhy?\n\n### Response:\nSo.",
    ],
)
def test_a_dialogue_may_have_no_system_message(text: str) -> None:
    turns = marked_turns(text)
    assert turns is not None
    assert [(turn["role"], turn["content"]) for turn in turns] == SAID[1:]


@pytest.mark.parametrize(
    "text",
    [
        "Human: beings live here.",
        "# Input\n\nWhat goes in.",
        "### Input: what goes in.",
        "<s>struck out</s> text",
        "[INST] is a token.",
        "He said:\n\nHuman: yes\n\nAssistant: no",
        "",
    ],
)
def test_other_texts_are_no_dialogues(text: str) -> None:
    assert marked_turns(text) is None


def test_several_turns_of_instructions_are_told_apart() -> None:
    turns = marked_turns("<s>[INST] Why? [/INST] So. </s><s>[INST] And then? [/INST] Nothing. </s>")
    assert turns is not None
    assert [turn["content"] for turn in turns] == ["Why?", "So.", "And then?", "Nothing."]


def test_a_record_of_marked_up_text_is_a_dialogue(read) -> None:
    lines = [json.dumps({"text": f"### Human: Why {n}?### Assistant: So {n}."}) for n in range(3)]
    for n, row in enumerate(read("guanaco.jsonl", "\n".join(lines))):
        assert isinstance(row, Row)
        assert [message.content for message in row.messages] == [f"Why {n}?", f"So {n}."]
