from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from errors import InvalidData, TooLong
from providers.gpu.answers import evaluation, greedy
from providers.gpu.answers.generation import Speaker
from providers.gpu.template import Template
from providers.gpu.training.scoring import Scorer
from records import ChatOptions, Message, Usage

Ask = Callable[..., tuple[str, Usage]]


@pytest.fixture
def speaker(bases: Callable[[str], Path], with_adapter: Callable[[str], Any]) -> Speaker:
    return Speaker(with_adapter("qwen3").eval(), Template(bases("qwen3")))


@pytest.fixture
def ask(speaker: Speaker, parcels: list[list[Message]]) -> Ask:
    def answer(messages: Sequence[Message] = parcels[0][:2], **options: Any) -> tuple[str, Usage]:
        *pieces, usage = speaker.stream(messages, ChatOptions(**{"max_tokens": 24, **options}))
        assert isinstance(usage, Usage)
        assert all(isinstance(piece, str) and piece for piece in pieces)
        return "".join(map(str, pieces)), usage

    return answer


def generated(speaker: Speaker, prompt: list[int], count: int) -> list[int]:
    out = speaker.model.generate(
        input_ids=torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=count,
        do_sample=False,
    )
    return [token for token in out[0, len(prompt) :].tolist() if token not in speaker.end_ids]


def test_greedy_answers_are_those_of_generate(
    speaker: Speaker, parcels: list[list[Message]], ask: Ask
) -> None:
    for messages in parcels[:4]:
        tokens = generated(speaker, speaker.template.prompt(messages[:2]), 24)
        assert ask(messages[:2])[0] == speaker.template.text(tokens)


def test_the_usage_counts_tokens_and_says_why_it_ended(speaker: Speaker, ask: Ask, parcels: Any) -> None:
    _, usage = ask(max_tokens=3)
    assert usage == Usage(
        prompt_tokens=len(speaker.template.prompt(parcels[0][:2])),
        completion_tokens=3,
        finish_reason="length",
    )


def test_a_stop_string_ends_the_answer_and_is_not_shown(ask: Ask) -> None:
    whole, _ = ask()
    middle = whole[len(whole) // 2 :][:2]
    text, usage = ask(stop=(middle, "never said"))
    assert text == whole[: whole.index(middle)]
    assert usage.finish_reason == "stop"


def test_the_same_seed_draws_the_same_answer(ask: Ask) -> None:
    drawn = [ask(temperature=1.5, seed=seed)[0] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert ask(temperature=1.5, top_p=1e-6, seed=3)[0] == ask()[0]


def test_a_dialogue_longer_than_the_context_is_refused(ask: Ask) -> None:
    with pytest.raises(TooLong, match="reads at most 512"):
        ask([Message(role="user", content="a box and " * 400)])


def test_an_impossible_dialogue_is_told_as_invalid(speaker: Speaker, tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((speaker.template.folder / name).read_bytes())
    (tmp_path / "chat_template.jinja").write_text("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(InvalidData, match="roles must alternate"):
        Template(tmp_path).prompt([Message(role="user", content="x")])


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_answers_together_are_those_one_by_one(
    bases: Callable[[str], Path], with_adapter: Callable[[str], Any], parcels: list[list[Message]], kind: str
) -> None:
    speaker = Speaker(with_adapter(kind).eval(), Template(bases(kind)))
    short = [Message(role="user", content="a box")]
    prompts = [speaker.template.prompt(messages[:2]) for messages in parcels[:6]]
    prompts += [speaker.template.prompt(short), prompts[2]]
    scorer = Scorer(speaker.model.get_base_model())
    expected = [generated(speaker, prompt, 16) for prompt in prompts]
    _, _, pasts = greedy.read(scorer, [], prompts)
    assert greedy.answer(pasts, speaker.end_ids, 16, lambda: None) == expected
    padded = greedy.answer_padded(scorer.model, prompts, speaker.end_ids, 16, speaker.template.pad_id)
    assert padded == expected


def test_where_padding_is_read_along_prompts_of_one_length_are_answered_together(
    bases: Callable[[str], Path], with_adapter: Callable[[str], Any]
) -> None:
    assert greedy.pads(with_adapter("qwen3_5_text").get_base_model())
    model = with_adapter("recurrent_gemma").get_base_model().eval()
    assert not greedy.pads(model)
    groups = evaluation._of_one_length([[0, 1, 2], [3]], [[1, 1], [1], [2, 2], [3]])
    assert list(groups) == [[1], [0, 2], [3]]


def test_the_makers_advice_on_sampling_is_not_taken(
    bases: Callable[[str], Path], with_adapter: Callable[[str], Any], parcels: list[list[Message]]
) -> None:
    speaker = Speaker(with_adapter("llama").eval(), Template(bases("llama")))
    model = speaker.model.get_base_model()
    prompts = [speaker.template.prompt(parcels[0][:2])]
    expected = generated(speaker, prompts[0], 16)
    model.generation_config.repetition_penalty = 30.0
    padded = greedy.answer_padded(model, prompts, speaker.end_ids, 16, speaker.template.pad_id)
    assert padded == [expected]
    assert model.generation_config.repetition_penalty == 30.0


def test_prompts_that_were_read_apart_are_answered_together(
    bases: Callable[[str], Path], with_adapter: Callable[[str], Any], parcels: list[list[Message]]
) -> None:
    speaker = Speaker(with_adapter("llama").eval(), Template(bases("llama")))
    scorer = Scorer(speaker.model.get_base_model())
    short = speaker.template.prompt([Message(role="user", content="a box")])
    prompts = [short, *(speaker.template.prompt(messages[:2]) for messages in parcels[:4])]
    _, _, pasts = greedy.read(scorer, [], prompts[:1])
    _, _, others = greedy.read(scorer, [], prompts[1:])
    assert pasts.has_room_for(others, 5 * others.width)
    assert not pasts.has_room_for(others, 5 * others.width - 1)
    answers = greedy.answer(pasts.joined(others), speaker.end_ids, 16, lambda: None)
    assert answers == [generated(speaker, prompt, 16) for prompt in prompts]
