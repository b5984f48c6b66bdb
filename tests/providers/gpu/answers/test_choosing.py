"""What options make of an answer, with logits that are made up: penalties, bias, chances, forms."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch

from errors import BadOption
from providers.gpu.answers.choosing import Chooser
from providers.gpu.answers.form import Guide
from providers.gpu.answers.wording import Wording
from providers.gpu.template import Template
from records import ChatOptions, TokenChance, Usage, Weighed

LIKELY = torch.tensor([3.0, 2.5, 0.0])
SCHEMA = {
    "type": "object",
    "properties": {
        "queue": {"enum": ["north", "south", "ost ✓"]},
        "urgent": {"type": "boolean"},
        "parcels": {
            "type": "array",
            "items": {"type": "integer", "maximum": 99, "minimum": 0},
            "maxItems": 2,
        },
    },
    "required": ["queue", "urgent", "parcels"],
    "additionalProperties": False,
}


@pytest.fixture
def template(bases: Callable[[str], Path]) -> Template:
    return Template(bases("llama"))


def chosen(count: int, **more: Any) -> list[int]:
    chooser = Chooser(ChatOptions(more=more), len(LIKELY))
    return [chooser.choose(LIKELY) for _ in range(count)]


def worded(template: Template, logits: Callable[[int], torch.Tensor], **options: Any) -> list[Any]:
    """The pieces of an answer whose n-th token is chosen by those logits."""
    wording = Wording(template, template.end_ids, 5, ChatOptions(**options), 500, 1000)
    pieces = []
    while not wording.done:
        pieces += wording.take(logits(len(wording.tokens)))
    return pieces


def saying(template: Template, text: str) -> Callable[[int], torch.Tensor]:
    """Logits by which the text is said token by token, then the end."""
    tokens = [*template.tokenizer.encode(text, add_special_tokens=False).ids, min(template.end_ids)]
    width = template.tokenizer.get_vocab_size()
    return lambda place: torch.nn.functional.one_hot(torch.tensor(tokens[place]), width).float() * 9


def test_penalties_weigh_against_what_was_said_once_or_each_time() -> None:
    assert chosen(4) == [0, 0, 0, 0]
    assert chosen(4, presence_penalty=1.0) == [0, 1, 0, 0]
    assert chosen(4, frequency_penalty=0.4) == [0, 0, 1, 0]
    assert chosen(4, frequency_penalty=-2.0) == [0, 0, 0, 0]


def test_a_bias_bans_a_token_or_asks_for_it() -> None:
    assert chosen(2, logit_bias={"0": -100}) == [1, 1]
    assert chosen(2, logit_bias={"2": 100}) == [2, 2]
    with pytest.raises(BadOption, match="no token 3: its last one is 2") as caught:
        chosen(1, logit_bias={"3": 1})
    assert caught.value.param == "logit_bias"


def test_what_is_drawn_follows_the_bias_too() -> None:
    for seed in range(20):
        bias = {"logit_bias": {"1": -100, "2": -100}}
        chooser = Chooser(ChatOptions(temperature=2, seed=seed, more=bias), len(LIKELY))
        assert chooser.choose(LIKELY) == 0


def test_each_token_of_an_answer_comes_with_its_chance_and_the_likeliest(template: Template) -> None:
    text = "the mill, ✓ thanks"
    *pieces, usage = worded(template, saying(template, text), more={"logprobs": True, "top_logprobs": 2})
    assert all(isinstance(piece, Weighed) for piece in pieces)
    tokens: list[TokenChance] = [token for piece in pieces for token in piece.tokens]
    assert "".join(piece.text for piece in pieces) == text
    assert b"".join(bytes(token.bytes) for token in tokens) == text.encode()
    assert isinstance(usage, Usage) and usage.completion_tokens == len(tokens) + 1, "the end is not said"
    assert "".join(token.token for token in tokens) == text.replace("✓", r"\xe2\x9c\x93")
    for token in tokens:
        assert token.top_logprobs[0].model_dump() == token.model_dump(exclude={"top_logprobs"})
        assert len(token.top_logprobs) == 2
        assert -0.1 < token.logprob < 0


def test_chances_are_the_models_own_whatever_bends_the_choice(template: Template) -> None:
    width = template.tokenizer.get_vocab_size()
    flat = torch.zeros(width)
    (piece, _) = worded(
        template,
        lambda place: flat,
        max_tokens=1,
        more={"logprobs": True, "logit_bias": {str(template.tokenizer.token_to_id("a")): 100}},
    )
    (token,) = piece.tokens
    assert (token.token, token.top_logprobs) == ("a", ())
    assert token.logprob == pytest.approx(-torch.tensor(float(width)).log().item(), abs=1e-5)


def test_tokens_behind_a_stop_are_not_told(template: Template) -> None:
    text = "the parcel goes to the mill"
    *pieces, usage = worded(
        template, saying(template, text), stop=(" goes",), more={"logprobs": True, "top_logprobs": 0}
    )
    assert "".join(piece.text for piece in pieces) == "the parcel"
    told = b"".join(bytes(token.bytes) for piece in pieces for token in piece.tokens)
    assert told == b"the parcel"
    assert usage.finish_reason == "stop"


@pytest.mark.parametrize("seed", range(6))
def test_an_answer_takes_the_form_that_is_asked_for_whatever_the_model_would_say(
    template: Template, seed: int
) -> None:
    form = Guide(template.folder, template.end_ids).form(
        {"type": "json_schema", "json_schema": {"name": "sorted", "schema": SCHEMA}}
    )
    torch.manual_seed(seed)
    # more places than the tokenizer has tokens, as many models have
    width = template.tokenizer.get_vocab_size() + 7
    wording = Wording(template, template.end_ids, 5, ChatOptions(max_tokens=400), 500, 1000, form)
    text = ""
    while not wording.done:
        for piece in wording.take(torch.randn(width) * 5):
            if isinstance(piece, Usage):
                assert piece.finish_reason == "stop"
            else:
                text += str(piece)
    jsonschema.validate(json.loads(text), SCHEMA)


def test_without_a_schema_the_answer_is_any_object(template: Template) -> None:
    form = Guide(template.folder, template.end_ids).form({"type": "json_object"})
    said = saying(template, '{"queue": ["north", {"a": 1.5}]} and more')
    wording = Wording(template, template.end_ids, 5, ChatOptions(max_tokens=400), 500, 1000, form)
    text = ""
    while not wording.done:
        text += "".join(
            str(piece) for piece in wording.take(said(len(wording.tokens))) if not isinstance(piece, Usage)
        )
    assert json.loads(text) == {"queue": ["north", {"a": 1.5}]}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objct"},
        {"type": "object", "properties": {"a": {"not": {}}}},
        {"type": "number", "maximum": float("nan")},
    ],
)
def test_a_schema_that_cannot_be_followed_is_refused(template: Template, schema: dict[str, Any]) -> None:
    guide = Guide(template.folder, template.end_ids)
    with pytest.raises(BadOption, match="can't be followed") as caught:
        guide.form({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert caught.value.param == "response_format"


def test_a_form_that_takes_too_much_work_on_the_way_is_told(template: Template) -> None:
    form = Guide(template.folder, template.end_ids).form({"type": "json_object"})
    with pytest.raises(BadOption, match="can't be followed"):
        form.take(template.tokenizer.token_to_id("a"))
