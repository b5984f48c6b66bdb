"""Answers that are given together, prompts that are not read twice, adapters that take turns on one base."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from errors import NotConfigured, Refused
from providers.gpu.answers import speakers
from providers.gpu.answers.generation import Chorus, Speaker
from providers.gpu.bases import Base
from providers.gpu.template import Template
from providers.gpu.training.adapter import save
from records import ChatOptions, Message, Usage

SHORT = ChatOptions(max_tokens=12)


def said(chorus: Chorus) -> dict[Any, str]:
    """All answers to their ends."""
    texts: dict[Any, str] = dict.fromkeys(chorus.keys, "")
    while not chorus.silent:
        chorus.read()
        for key, piece in chorus.step():
            texts[key] += piece if isinstance(piece, str) else ""
    return texts


def alone(speaker: Speaker, messages: list[Message], options: ChatOptions = SHORT) -> str:
    return "".join(piece for piece in speaker.stream(messages, options) if isinstance(piece, str))


@pytest.fixture
def make(bases: Callable[[str], Path], with_adapter: Callable[[str], Any]) -> Callable[[str], Speaker]:
    return lambda kind: Speaker(with_adapter(kind).eval(), Template(bases(kind)))


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma2", "mistral", "qwen3_5_text"])
def test_answers_that_join_and_leave_at_any_time_are_those_given_alone(
    kind: str, make: Callable[[str], Speaker], parcels: list[list[Message]]
) -> None:
    speaker = make(kind)
    prompts = [messages[:2] for messages in parcels[:5]] + [[Message(role="user", content="a box")]]
    wanted = [alone(make(kind), prompt) for prompt in prompts]
    chorus = Chorus(speaker)
    texts = dict.fromkeys(range(len(prompts)), "")
    waiting = list(enumerate(prompts))
    while waiting or not chorus.silent:
        if waiting and not chorus.full:
            key, prompt = waiting.pop()
            chorus.join(key, prompt, SHORT)
        chorus.read()
        for key, piece in chorus.step():
            texts[key] += piece if isinstance(piece, str) else ""
    assert list(texts.values()) == wanted
    assert len(set(wanted)) > 2


def test_each_answer_keeps_its_own_options(
    make: Callable[[str], Speaker], parcels: list[list[Message]]
) -> None:
    speaker = make("llama")
    prompt = parcels[0][:2]
    whole = alone(speaker, prompt)
    options = {
        "greedy": SHORT,
        "drawn": SHORT.but(temperature=1.5, seed=3),
        "stopped": SHORT.but(stop=(whole[4:6],)),
        "short": SHORT.but(max_tokens=2),
    }
    chorus = Chorus(speaker)
    for key, chosen in options.items():
        chorus.join(key, prompt, chosen)
    together = said(chorus)
    assert together == {key: alone(make("llama"), prompt, chosen) for key, chosen in options.items()}
    assert together["stopped"] == whole[: whole.index(whole[4:6])]


def test_who_leaves_makes_room_and_does_not_disturb_the_others(
    make: Callable[[str], Speaker], parcels: list[list[Message]]
) -> None:
    speaker = make("qwen3")
    chorus = Chorus(speaker)
    for key, messages in enumerate(parcels[:3]):
        chorus.join(key, messages[:2], SHORT)
        chorus.read()
    first = {key: piece for key, piece in chorus.step() if isinstance(piece, str)}
    chorus.leave(1)
    rest = said(chorus)
    assert set(rest) == {0, 2}
    for key in rest:
        assert first.get(key, "") + rest[key] == alone(make("qwen3"), parcels[key][:2])


@pytest.mark.parametrize("kind", ["llama", "gemma2", "qwen3_5_text"])
def test_a_long_prompt_is_read_in_pieces_while_the_others_go_on(
    kind: str, make: Callable[[str], Speaker], parcels: list[list[Message]], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [Message(role="user", content="a box and " * 30)]
    wanted = [alone(make(kind), prompt) for prompt in (parcels[0][:2], long)]
    speaker = make(kind)
    read: list[int] = []
    forward = speaker.forward

    def counted(tokens: list[list[int]], known: Any, **more: Any) -> Any:
        read.append(len(tokens[0]))
        return forward(tokens, known, **more)

    monkeypatch.setattr(speaker, "forward", counted)
    speaker.piece = 50
    chorus = Chorus(speaker)
    if not speaker.shares:
        assert alone(speaker, long) == wanted[1]
        assert read[0] == len(speaker.template.prompt(long)), "this one can't go on from any place"
        return
    chorus.join("long", long, SHORT)
    chorus.read()
    assert chorus.voices == []
    chorus.join("short", parcels[0][:2], SHORT)
    texts = {"short": "", "long": ""}
    first = {}
    step = 0
    while not chorus.silent:
        chorus.read()
        for key, piece in chorus.step():
            first.setdefault(key, step)
            texts[key] += piece if isinstance(piece, str) else ""
        step += 1
    assert [texts["short"], texts["long"]] == wanted
    assert first["short"] < first["long"], "who came later with less to read is answered first"
    assert max(read) == 50


def test_prompts_that_begin_alike_are_not_read_side_by_side(
    make: Callable[[str], Speaker], parcels: list[list[Message]], monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = make("llama")
    speaker.piece = 20
    long = [Message(role="user", content="a box and " * 30)]
    read = 0
    forward = speaker.forward

    def counted(tokens: list[list[int]], known: Any, **more: Any) -> Any:
        nonlocal read
        read += len(tokens[0])
        return forward(tokens, known, **more)

    monkeypatch.setattr(speaker, "forward", counted)
    chorus = Chorus(speaker)
    for key in range(4):
        chorus.join(key, long, SHORT.but(max_tokens=1))
    assert len(set(said(chorus).values())) == 1
    assert read == len(speaker.template.prompt(long)) + 3


def test_who_leaves_before_the_prompt_is_read_costs_no_more(
    make: Callable[[str], Speaker], parcels: list[list[Message]]
) -> None:
    speaker = make("llama")
    speaker.piece = 20
    chorus = Chorus(speaker)
    chorus.join("gone", [Message(role="user", content="a box and " * 30)], SHORT)
    chorus.join("here", parcels[0][:2], SHORT)
    chorus.read()
    chorus.leave("gone")
    assert said(chorus) == {"here": alone(make("llama"), parcels[0][:2])}


def test_one_that_is_too_long_is_refused_and_the_others_go_on(
    make: Callable[[str], Speaker], parcels: list[list[Message]]
) -> None:
    speaker = make("llama")
    chorus = Chorus(speaker)
    chorus.join("short", parcels[0][:2], SHORT)
    with pytest.raises(Refused, match="reads at most"):
        chorus.join("long", [Message(role="user", content="a box and " * 400)], SHORT)
    assert said(chorus) == {"short": alone(make("llama"), parcels[0][:2])}


def test_a_system_message_is_read_once_and_a_dialogue_goes_on(
    make: Callable[[str], Speaker], parcels: list[list[Message]], monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = make("llama")
    read: list[int] = []
    forward = speaker.forward

    def counted(tokens: list[list[int]], known: Any, **more: Any) -> Any:
        if known is None or len(tokens[0]) > 1:
            read.append(len(tokens[0]))
        return forward(tokens, known, **more)

    monkeypatch.setattr(speaker, "forward", counted)
    first, second = parcels[0][:2], parcels[5][:2]
    answers = [alone(speaker, prompt) for prompt in (first, second)]
    tail = [*first, Message(role="assistant", content=answers[0]), Message(role="user", content="and now?")]
    answers.append(alone(speaker, tail))
    lengths = [len(speaker.template.prompt(prompt)) for prompt in (first, second, tail)]
    system = len(speaker.template.prompt(first[:1]))
    assert read[0] == lengths[0]
    assert read[1] <= lengths[1] - system + 8
    assert read[2] <= lengths[2] - lengths[0] + 8
    assert answers == [alone(make("llama"), prompt) for prompt in (first, second, tail)]


def test_adapters_take_turns_on_a_base_that_is_loaded_once(
    bases: Callable[[str], Path],
    with_adapter: Callable[[str], Any],
    parcels: list[list[Message]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = bases("llama")
    base = Base(str(folder), str(folder), folder)
    monkeypatch.setattr(speakers, "MOST_ADAPTERS", 2)
    speakers._loaded.cache_clear()
    prompt, wanted = parcels[0][:2], {}
    for name in ("one", "two", "three"):
        model = with_adapter("llama").eval()
        (tmp_path / name).mkdir()
        with torch.no_grad():
            torch.manual_seed(len(name) + ord(name[0]))
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter) * 0.3)
        save(model, base, tmp_path / name)
        for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            shutil.copy(folder / file, tmp_path / name)
        wanted[name] = alone(Speaker(model, Template(folder)), prompt)
        with model.disable_adapter():
            wanted["base"] = alone(Speaker(model, Template(folder)), prompt)
    assert len(set(wanted.values())) == 4
    references = {name: str(tmp_path / name) for name in ("one", "two", "three")} | {"base": str(folder)}
    loaded = []
    for name in ("base", "one", "base", "two", "one", "three", "base", "two", "one", "three"):
        with warnings.catch_warnings():
            # a person who chats in a terminal would read it before the answer
            warnings.simplefilter("error", FutureWarning)
            speaker = speakers.speaker(str(folder), references[name], tmp_path)
        assert alone(speaker, prompt) == wanted[name], name
        loaded.append(speakers._loaded(str(folder), tmp_path))
    assert len(set(map(id, loaded))) == 1
    assert sum(1 for name in loaded[0].speakers if name) == 2
    # two answers whose tokens come in turns, from different adapters
    streams = {
        name: speakers.speaker(str(folder), references[name], tmp_path).stream(prompt, SHORT)
        for name in ("three", "base")
    }
    texts = dict.fromkeys(streams, "")
    for pieces in zip(*streams.values(), strict=False):
        for name, piece in zip(streams, pieces, strict=True):
            texts[name] += piece if isinstance(piece, str) else ""
    for name, text in texts.items():
        assert text and wanted[name].startswith(text)
    shutil.rmtree(tmp_path / "one")
    with pytest.raises(NotConfigured, match="gone"):
        speakers.speaker(str(folder), references["one"], tmp_path)


def test_the_usage_is_told_for_each(make: Callable[[str], Speaker], parcels: list[list[Message]]) -> None:
    speaker = make("llama")
    chorus = Chorus(speaker)
    for key, messages in enumerate(parcels[:2]):
        chorus.join(key, messages[:2], ChatOptions(max_tokens=3 + key))
    usages = {}
    while not chorus.silent:
        chorus.read()
        usages |= {key: piece for key, piece in chorus.step() if isinstance(piece, Usage)}
    for key, messages in enumerate(parcels[:2]):
        assert usages[key].prompt_tokens == len(speaker.template.prompt(messages[:2]))
        assert usages[key].completion_tokens <= 3 + key
