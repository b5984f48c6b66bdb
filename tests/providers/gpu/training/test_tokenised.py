import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from providers.gpu.jobs import parsed
from providers.gpu.template import Template
from providers.gpu.training.tokenised import tokenised


class CountingTemplate(Template):
    asked = 0

    def rows(self, messages):  # type: ignore[no-untyped-def]
        self.asked += 1
        return super().rows(messages)


@pytest.fixture
def template(bases: Callable[[str], Path]) -> CountingTemplate:
    return CountingTemplate(bases("qwen3"))


def written(path: Path, answers: Sequence[str]) -> Path:
    def line(number: int, answer: str) -> str:
        turns = [("system", "Sort."), ("user", f"box {number}"), ("assistant", answer)]
        # two answers of which the template renders the first otherwise once it is past: two rows
        turns += [("user", "and"), ("assistant", "south")]
        return json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]})

    path.write_text("".join(line(*one) + "\n" for one in enumerate(answers)), "utf-8")
    return path


def test_what_is_read_back_is_what_the_template_makes(template: CountingTemplate, tmp_path: Path) -> None:
    file = written(tmp_path / "train.jsonl", ["north", "Zürich 🙂", "x" * 300])
    examples = tokenised(file, template, 400, tmp_path)
    expected = [template.rows(parsed(line)) for line in file.read_text("utf-8").splitlines()]
    assert list(examples) == expected and len(examples) == 3 and examples.lost == 0
    assert examples[1:] == expected[1:] and examples[-1] == expected[-1]
    with pytest.raises(IndexError):
        examples[3]


def test_the_same_content_is_not_computed_again_and_other_content_is(
    template: CountingTemplate, tmp_path: Path
) -> None:
    file = written(tmp_path / "train.jsonl", ["north", "south"])
    first = list(tokenised(file, template, 400, tmp_path))
    moved = file.rename(tmp_path / "elsewhere.jsonl")
    assert list(tokenised(moved, template, 400, tmp_path)) == first and template.asked == 2
    tokenised(written(file, ["north", "east"]), template, 400, tmp_path)
    tokenised(file, template, 40, tmp_path)
    assert template.asked == 6


def test_rows_are_cut_and_examples_that_lose_all_are_counted(
    template: CountingTemplate, tmp_path: Path
) -> None:
    file = written(tmp_path / "train.jsonl", ["north", "x" * 300])
    short = len(template.rows(parsed(file.read_text("utf-8").splitlines()[0]))[0].tokens)
    cut = tokenised(file, template, short, tmp_path)
    assert max(len(row.tokens) for rows in cut for row in rows) == short
    none = tokenised(file, template, 4, tmp_path)
    assert (len(none), none.lost) == (0, 2)


def test_a_kill_in_the_middle_leaves_nothing_that_is_taken_for_whole(
    template: CountingTemplate, tmp_path: Path
) -> None:
    file = written(tmp_path / "train.jsonl", ["north", "south"])
    file.write_text(file.read_text("utf-8") + "{torn", "utf-8")
    with pytest.raises(ValueError):
        tokenised(file, template, 400, tmp_path)
    assert list((tmp_path / "tokens").iterdir()) == []


def test_two_at_the_same_time_agree(bases: Callable[[str], Path], tmp_path: Path) -> None:
    file = written(tmp_path / "train.jsonl", ["north"] * 40)
    base = bases("llama")

    def rows(_: int) -> list[object]:
        return list(tokenised(file, Template(base), 400, tmp_path))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(rows, range(4)))
    assert all(one == found[0] for one in found) and len(list((tmp_path / "tokens").iterdir())) == 1
