import json
from pathlib import Path
from typing import Any

import pytest

from errors import InvalidData
from providers.exports import Form, convert

SAID = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Is there a ferry?"},
    {"role": "assistant", "content": "Yes."},
    {"role": "user", "content": "When?"},
    {"role": "assistant", "content": "At noon."},
]


def exported(folder: Path, form: Form, *examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    path = folder / "train.jsonl"
    path.write_text("".join(json.dumps({"messages": said}) + "\n" for said in examples), "utf-8")
    count = convert(path, form)
    made = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert count == len(made) and [one.name for one in folder.iterdir()] == ["train.jsonl"]
    return made


def test_messages_have_the_same_keys_throughout(tmp_path: Path) -> None:
    weighted = [*SAID[:2], {**SAID[2], "weight": 0}, *SAID[3:]]
    assert exported(tmp_path, "messages", weighted) == [{"messages": SAID}]


def test_openai_is_told_the_weights(tmp_path: Path) -> None:
    weighted = [*SAID[:2], {**SAID[2], "weight": 0}, *SAID[3:]]
    assert exported(tmp_path, "openai", weighted) == [{"messages": weighted}]


def test_gemini_gets_contents_and_a_system_instruction(tmp_path: Path) -> None:
    (made,) = exported(tmp_path, "gemini", SAID[:3])
    assert made["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert [turn["role"] for turn in made["contents"]] == ["user", "model"]


def test_a_pair_is_a_prompt_with_its_completion(tmp_path: Path) -> None:
    made = exported(tmp_path, "prompt-completion", SAID[:3])
    assert made == [{"prompt": "Be brief.\n\nIs there a ferry?", "completion": "Yes."}]


def test_a_dialogue_is_a_line_for_each_answer_that_counts(tmp_path: Path) -> None:
    asked = "Be brief.\n\nUser: Is there a ferry?\n\nAssistant: Yes.\n\nUser: When?"
    assert exported(tmp_path, "prompt-completion", SAID)[1] == {"prompt": asked, "completion": "At noon."}
    silent = [*SAID[:2], {**SAID[2], "weight": 0}, *SAID[3:]]
    assert [one["completion"] for one in exported(tmp_path, "prompt-completion", silent)] == ["At noon."]


def test_an_example_that_a_vendor_would_refuse_is_named_and_the_file_stays(tmp_path: Path) -> None:
    weighted = [*SAID[:2], {**SAID[2], "weight": 0}, *SAID[3:]]
    with pytest.raises(InvalidData, match="Gemini would not take an example"):
        exported(tmp_path, "gemini", weighted)
    assert json.loads((tmp_path / "train.jsonl").read_text("utf-8")) == {"messages": weighted}
