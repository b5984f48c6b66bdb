import json
from pathlib import Path

import pytest

from errors import NotFound
from records import TokenCount
from validation.figures import figures, opened, problem, sources_of, with_tokens

SYSTEM = {"role": "system", "content": "Help"}
USER = {"role": "user", "content": "Hello"}
ASSISTANT = {"role": "assistant", "content": "Hi"}


@pytest.mark.parametrize(
    "messages",
    [
        [USER, ASSISTANT],
        [SYSTEM, USER, ASSISTANT],
        [SYSTEM, USER, ASSISTANT, USER, {**ASSISTANT, "weight": 0}],
        [USER, {**ASSISTANT, "weight": 1}],
        [USER, {**ASSISTANT, "weight": None}],
    ],
)
def test_sound_dialogues_have_no_problem(messages):
    assert problem({"messages": messages}) == ""


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([], "format"),
        ("text", "format"),
        (None, "format"),
        ([USER, "text"], "format"),
        ([USER, {"role": "assistant"}], "format"),
        ([USER, {"role": "assistant", "content": None}], "format"),
        ([USER, {"role": "assistant", "content": ["part"]}], "format"),
        ([USER, {"role": "bot", "content": "Hi"}], "format"),
        ([USER, {**ASSISTANT, "weight": 0.5}], "format"),
        ([{**USER, "weight": 1}, ASSISTANT], "format"),
        ([USER, {**ASSISTANT, "tool_calls": []}], "format"),
        ([ASSISTANT], "roles"),
        ([SYSTEM], "roles"),
        ([USER, USER, ASSISTANT], "roles"),
        ([USER, ASSISTANT, ASSISTANT], "roles"),
        ([USER, SYSTEM, ASSISTANT], "roles"),
        ([SYSTEM, SYSTEM, USER, ASSISTANT], "roles"),
        ([SYSTEM, ASSISTANT], "roles"),
        ([USER], "last"),
        ([SYSTEM, USER, ASSISTANT, USER], "last"),
        ([USER, {**ASSISTANT, "content": " \n"}], "empty"),
        ([{**USER, "content": ""}, ASSISTANT], "empty"),
    ],
)
def test_the_first_problem_is_named(messages, found):
    assert problem({"messages": messages}) == found


@pytest.mark.parametrize("row", [None, [], "text", 7, {}, {"prompt": "x"}])
def test_a_row_without_messages_is_of_another_format(row):
    assert problem(row) == "format"


def test_a_row_for_every_example_training_first(make_dataset, dialogues):
    frame = figures(make_dataset(dialogues(3), dialogues(2, first=3)))
    assert list(frame["split"]) == ["train"] * 3 + ["holdout"] * 2
    assert list(frame["line"]) == [1, 2, 3, 1, 2]
    assert list(frame["messages"]) == [3] * 5
    assert set(frame["problem"]) == {""}
    assert frame["characters"][0] == len("Help customersQuestion 0?Certainly.")


def test_lines_that_are_not_json_are_figures_too(make_dataset, dialogues):
    broken = ['{"messages": [', "", "null", '{"messages": 1}']
    frame = figures(make_dataset([*dialogues(1), *broken]))
    assert list(frame["problem"]) == ["", *["format"] * 4]


def test_bytes_that_are_not_utf_8_are_of_another_format(make_dataset, dialogues):
    dataset = make_dataset(dialogues(1))
    with Path(dataset.train_uri).open("ab") as file:
        file.write(b'{"messages": [{"role": "user", "content": "\xff"}]}\n')
    assert list(figures(dataset)["problem"]) == ["", "format"]


def test_half_of_a_surrogate_pair_does_not_stop_it(make_dataset, dialogues):
    frame = figures(make_dataset(dialogues(2, ["fine", "\ud83d"])))
    assert list(frame["problem"]) == ["", ""]


def test_held_out_examples_that_are_trained_on_are_seen(make_dataset, dialogues):
    frame = figures(make_dataset(dialogues(3), [*dialogues(1), *dialogues(1, first=7)]))
    assert list(frame["seen"][3:]) == [True, False]


def test_the_same_text_with_other_roles_is_another_example(make_dataset, dialogues):
    swapped = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    joined = [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "b"}]
    frame = figures(make_dataset([swapped], [joined]))
    assert not frame["seen"][1]


def test_labels_are_the_answers_of_a_classification_only(make_dataset, dialogues):
    rows = dialogues(3, ["billing", " refund ", "billing"])
    frame = figures(make_dataset(rows, dialogues(1, "new", first=9), kind="classify"))
    assert list(frame["label"]) == ["billing", "refund", "billing", "new"]
    assert list(frame["label_seen"]) == [True, True, True, False]
    assert figures(make_dataset(rows))["label"].isna().all()


def test_an_empty_dataset_gives_an_empty_frame(make_dataset):
    frame = with_tokens(figures(make_dataset([])), [])
    assert len(frame) == 0
    assert {"split", "problem", "tokens", "cut"} <= set(frame.columns)


def test_a_missing_file_is_not_found(make_dataset):
    dataset = make_dataset([])
    Path(dataset.holdout_uri).unlink()
    with pytest.raises(NotFound, match=r"holdout\.jsonl"):
        figures(dataset)


def test_token_counts_are_joined_in_order(make_dataset, dialogues):
    counts = [TokenCount(total=at, trainable=1, cut=at % 2) for at in range(4)]
    frame = with_tokens(figures(make_dataset(dialogues(3), dialogues(1, first=5))), iter(counts))
    assert list(frame["tokens"]) == [0, 1, 2, 3]
    assert list(frame["cut"]) == [0, 1, 0, 1]


@pytest.mark.parametrize("size", [0, 2, 4])
def test_counts_for_another_number_of_examples_are_a_mistake(size, make_dataset, dialogues, counts):
    with pytest.raises(ValueError, match=f"{size} token counts for 3 examples"):
        with_tokens(figures(make_dataset(dialogues(3))), counts(size))


def test_sources_are_looked_up_by_split_and_line(make_dataset, dialogues):
    dataset = make_dataset(dialogues(3), dialogues(2, first=5))
    found = sources_of(dataset, [("train", 2), ("holdout", 1)])
    assert [source.row for source in found.values()] == [2, 4]


def test_an_example_that_the_lineage_does_not_know_is_named_by_our_own_file(make_dataset, dialogues):
    dataset = make_dataset(dialogues(2))
    Path(dataset.lineage_uri).write_text(json.dumps({"split": "train", "line": 1, "sources": []}) + "\n")
    found = sources_of(dataset, [("train", 1), ("train", 2)])
    assert [str(source) for source in found.values()] == [
        f"{dataset.train_uri}, line 1",
        f"{dataset.train_uri}, line 2",
    ]


def test_files_elsewhere_are_read_by_fsspec():
    import fsspec

    fsspec.filesystem("memory").pipe("/there.jsonl", b"line\n")
    with opened("memory://there.jsonl") as file:
        assert list(file) == [b"line\n"]
    with pytest.raises(NotFound), opened("memory://nowhere.jsonl"):
        pass
