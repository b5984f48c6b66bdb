"""The model process's own work, with tiny models: who is answered together, who waits, who is dropped."""

import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from errors import BadOption
from providers.gpu.answers import generation, speakers
from records import ChatOptions
from tests.tiny_bases import make_base
from web import serving
from web.serving import Line, Service

WORDS = "the parcel goes up the coast to the harbour town"


class Desk:
    """A service whose answers are kept, and requests that are put straight into its line."""

    def __init__(self, home: Path):
        self.line = Line()
        self.told: list[dict[str, Any]] = []
        self.loaded: list[str] = []
        self.service = Service(self.line, self._say, self._speaker)
        self.home = home

    def _say(self, **what: Any) -> None:
        self.told.append(what)

    def _speaker(self, base_model: str, reference: str) -> generation.Speaker:
        self.loaded.append(base_model)
        return speakers.speaker(base_model, reference, self.home)

    def ask(self, number: int, base: str, text: str = WORDS, **options: Any) -> None:
        self.line.arrived.put(
            serving.Request(
                number,
                base,
                base,
                [serving.Message(role="user", content=text)],
                ChatOptions(**{"max_tokens": 6, "temperature": 1.5, "seed": number, **options}),
                time.monotonic(),
            )
        )

    def turns(self) -> int:
        """Until nothing is left to do; how many."""
        count = 0
        while not self.line.arrived.empty() or self.line.waiting or self.service.chorus:
            self.service.turn()
            count += 1
        return count

    def ended(self) -> list[int]:
        """Whose answers ended, in order."""
        return [said["id"] for said in self.told if "usage" in said]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("served")
    return [str(make_base(folder / kind, kind)) for kind in ("llama", "mistral")]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_requests_to_one_model_are_answered_together_token_by_token(desk, bases):
    for number in range(5):
        desk.ask(number, bases[0])
    assert desk.turns() == 6
    assert desk.loaded == bases[:1]
    assert sorted(desk.ended()) == [0, 1, 2, 3, 4]
    firsts = [said["id"] for said in desk.told if "piece" in said]
    assert firsts != sorted(firsts)


def test_one_that_comes_later_joins(desk, bases):
    desk.ask(1, bases[0], max_tokens=8)
    for _ in range(3):
        desk.service.turn()
    desk.ask(2, bases[0], max_tokens=2)
    desk.turns()
    assert desk.ended() == [2, 1]


def test_another_model_waits_for_its_turn_but_is_not_passed_by_for_ever(desk, bases):
    desk.ask(1, bases[0])
    desk.service.turn()
    desk.ask(2, bases[1])
    desk.ask(3, bases[0])
    desk.service.turn()
    assert len(desk.service.chorus.voices) == 2, "it has not waited long, so an equal one joins"
    desk.line.waiting[0] = desk.line.waiting[0]._replace(came=time.monotonic() - serving.PATIENCE_SECONDS)
    desk.ask(4, bases[0])
    desk.turns()
    assert desk.ended().index(2) < desk.ended().index(4)
    assert desk.loaded == [bases[0], bases[1], bases[0]]


def test_who_takes_a_request_back_is_not_answered_any_more(desk, bases):
    desk.ask(1, bases[0], max_tokens=50)
    desk.ask(2, bases[0], max_tokens=3)
    desk.ask(3, bases[1])
    desk.service.turn()
    desk.line.taken_back |= {1, 3}
    assert desk.turns() < 10
    assert desk.ended() == [2]
    assert desk.loaded == bases[:1], "a model that nobody waits for is not loaded"


def test_a_request_that_cannot_be_answered_fails_alone(desk, bases):
    desk.ask(1, bases[0])
    desk.ask(2, bases[0], "a box and " * 500)
    desk.ask(3, "/nowhere")
    desk.turns()
    assert desk.ended() == [1]
    failures = {said["id"]: said["failure"] for said in desk.told if "failure" in said}
    assert failures[2]["code"] == "context_length_exceeded"
    assert failures[3]["code"] == "not_configured"


def test_after_a_fault_in_the_model_the_next_request_is_answered(desk, bases, monkeypatch):
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    for number in (1, 2):
        desk.ask(number, bases[0])
    with monkeypatch.context() as patched:
        patched.setattr(generation.Chorus, "_read", broken)
        desk.turns()
    failed = [said["failure"]["message"] for said in desk.told if "failure" in said]
    assert failed == ["The model failed to answer: RuntimeError: out of memory."] * 2
    desk.ask(3, bases[0])
    desk.turns()
    assert desk.ended() == [3]


def test_a_fault_while_a_prompt_is_read_is_told_to_that_one_alone(desk, bases, monkeypatch):
    desk.ask(1, bases[0])
    desk.service.turn()
    desk.ask(2, bases[0], "a box")
    go_on = generation.Reading.go_on

    def broken(reading: Any) -> Any:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(generation.Reading, "go_on", broken)
    desk.service.turn()
    monkeypatch.setattr(generation.Reading, "go_on", go_on)
    desk.ask(3, bases[0])
    desk.turns()
    assert [said["id"] for said in desk.told if "failure" in said] == [2]
    assert sorted(desk.ended()) == [1, 3]


def test_options_that_cannot_be_followed_are_told_to_that_one_alone(desk, bases, monkeypatch):
    desk.ask(1, bases[0])
    desk.ask(2, bases[0], more={"logit_bias": {"99999": 1}})
    desk.ask(3, bases[0], more={"response_format": {"type": "json_object"}}, max_tokens=9)
    take = generation.Wording.take

    def broken(wording: Any, logits: Any) -> Any:
        if wording.chooser.form and len(wording.tokens) == 2:
            raise BadOption("Too much work.", "", "response_format")
        return take(wording, logits)

    monkeypatch.setattr(generation.Wording, "take", broken)
    desk.turns()
    assert {said["id"]: said["param"] for said in desk.told if "failure" in said} == {
        2: "logit_bias",
        3: "response_format",
    }
    assert desk.ended() == [1]


def test_a_long_prompt_does_not_hold_up_the_others(desk, bases):
    desk.ask(1, bases[0], max_tokens=20)
    desk.service.turn()
    (voice,) = desk.service.chorus.voices
    desk.service.chorus.speaker.piece = 20
    desk.ask(2, bases[0], "a box and " * 30, max_tokens=1)
    before = len(voice.wording.tokens)
    desk.service.turn()
    while desk.service.chorus.unread:
        desk.service.turn()
    assert len(voice.wording.tokens) >= before + 5
    desk.turns()
    assert sorted(desk.ended()) == [1, 2]


def test_prompts_that_begin_like_a_known_one_are_read_at_once(desk, bases):
    text = "a box and " * 30
    desk.ask(1, bases[0], text, max_tokens=20)
    desk.service.turn()
    desk.service.chorus.speaker.piece = 20
    for number in range(2, 6):
        desk.ask(number, bases[0], text, max_tokens=20)
    desk.service.turn()
    assert desk.service.chorus.unread == []


def test_the_line_reads_requests_and_ends_the_process_with_its_input(monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(serving.os, "_exit", lambda code: ended.set())
    asked = {"id": 7, "base_model": "b", "reference": "r", "messages": [{"role": "user", "content": "x"}]}
    lines = [{**asked, "options": ChatOptions(max_tokens=3).model_dump()}, {"cancel": 9}]
    line = Line()
    line.read(io.StringIO("".join(json.dumps(one) + "\n" for one in lines)))
    request = line.next(None)
    assert (request.id, request.model, request.options.max_tokens) == (7, ("b", "r"), 3)
    assert line.taken_back == {9}
    assert ended.is_set()
