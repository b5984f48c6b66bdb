import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from providers.gpu.answers import generation
from providers.gpu.answers.evaluation import Evaluator, Question
from providers.gpu.answers.generation import Speaker
from providers.gpu.jobs import JobFolder
from providers.gpu.options import Options
from providers.gpu.progress import Reporter
from providers.gpu.template import Template
from providers.gpu.training.scoring import Scorer
from records import ChatOptions, Message, Usage

Evaluate = Callable[..., list[Any]]


@pytest.fixture(params=["llama", "qwen3", "qwen3_5_text", "mpt", "mamba"])
def model_and_template(
    request: pytest.FixtureRequest, bases: Callable[[str], Path], with_adapter: Callable[[str], Any]
) -> tuple[Any, Template]:
    return with_adapter(request.param).eval(), Template(bases(request.param))


@pytest.fixture
def evaluate(model_and_template: tuple[Any, Template], tmp_path: Path) -> Evaluate:
    model, template = model_and_template
    job = JobFolder(tmp_path)

    def run(dialogues: list[list[Message]], longest: int = 4, **options: Any) -> list[Any]:
        scorer = Scorer(model.get_base_model())
        speaker = Speaker(scorer.model, template)
        evaluator = Evaluator(model, scorer, speaker, Options(**options), longest)
        questions = [Question.of(messages, template, 400) for messages in dialogues]
        answers = evaluator.run([q for q in questions if q], job, Reporter(job), lambda: None)
        assert job.read_answers() == answers
        return answers

    return run


def loss_alone(model: Any, template: Template, messages: list[Message]) -> float:
    losses = []
    for tokens, trained in template.rows(messages):
        with torch.inference_mode():
            logits = model(torch.tensor([tokens])).logits[0, :-1]
        losses += functional.cross_entropy(logits, torch.tensor(tokens[1:]), reduction="none")[
            torch.tensor(trained[1:])
        ].tolist()
    return math.fsum(losses) / len(losses)


def test_losses_and_answers_are_those_of_each_model_alone(
    evaluate: Evaluate, model_and_template: tuple[Any, Template], parcels: list[list[Message]]
) -> None:
    model, template = model_and_template
    dialogues = [*parcels[:4], [*parcels[5], *parcels[6][1:]]]
    for messages, answer in zip(dialogues, evaluate(dialogues), strict=True):
        said = {}
        for name in ("base", "tuned"):
            speaker = Speaker(model, template)
            if name == "base":
                with model.disable_adapter():
                    loss = loss_alone(model, template, messages)
                    *pieces, _ = speaker.stream(messages[:-1], ChatOptions(max_tokens=8))
            else:
                loss = loss_alone(model, template, messages)
                *pieces, _ = speaker.stream(messages[:-1], ChatOptions(max_tokens=8))
            assert not any(isinstance(piece, Usage) for piece in pieces)
            said[name] = "".join(map(str, pieces)).strip()
            assert getattr(answer, f"{name}_loss") == pytest.approx(loss, rel=1e-4)
        assert (answer.base, answer.tuned) == (said["base"], said["tuned"])
        assert (answer.prompt, answer.expected) == (messages[-2].content, messages[-1].content)
        assert answer.tokens == sum(sum(row.trained) for row in template.rows(messages))


def test_read_in_small_parts_they_are_the_same(evaluate: Evaluate, parcels: list[list[Message]]) -> None:
    whole = evaluate(parcels[:8])
    for one, other in zip(whole, evaluate(parcels[:8], batch_tokens=64), strict=True):
        assert (other.base, other.tuned, other.tokens) == (one.base, one.tuned, one.tokens)
        assert other.base_loss == pytest.approx(one.base_loss, rel=1e-4)
        assert other.tuned_loss == pytest.approx(one.tuned_loss, rel=1e-4)


def test_answers_end_with_the_context(
    model_and_template: tuple[Any, Template],
    evaluate: Evaluate,
    parcels: list[list[Message]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model with a table of positions has none beyond it."""
    monkeypatch.setattr(
        generation, "context", lambda _: len(model_and_template[1].prompt(parcels[0][:2])) + 3
    )
    answers = evaluate(parcels[:1], answer_tokens=50)
    monkeypatch.undo()
    (unbound,) = evaluate(parcels[:1], answer_tokens=50)
    assert len(answers[0].tuned) < len(unbound.tuned)
    assert unbound.tuned.startswith(answers[0].tuned)


def test_losses_cover_all_and_answers_the_first_few(evaluate: Evaluate, parcels: list[list[Message]]) -> None:
    answers = evaluate(parcels[:4], evaluate_examples=2)
    assert all(answer.base_loss and answer.tuned_loss for answer in answers)
    assert [bool(answer.base or answer.tuned) for answer in answers] == [True, True, False, False]


def test_a_dialogue_without_an_answer_is_no_question(
    evaluate: Evaluate, parcels: list[list[Message]]
) -> None:
    assert len(evaluate([parcels[0][:2], parcels[1]])) == 1


def test_long_answers_are_asked_of_fewer_prompts(model_and_template: tuple[Any, Template]) -> None:
    model, template = model_and_template
    scorer = Scorer(model.get_base_model())
    speaker = Speaker(scorer.model, template)

    def plan(longest: int, **options: Any) -> tuple[int, int]:
        evaluator = Evaluator(model, scorer, speaker, Options(**options), longest)
        return evaluator.count, evaluator.cap

    assert plan(6) == (10, 200)
    assert plan(5000) == (256, 23)
    assert plan(5000, answer_tokens=1000) == (1000, 8)
    assert plan(5000, evaluate_examples=500) == (256, 500)
