"""Talking to base and tuned model: pieces, usage, and answers that break off."""

from collections.abc import Callable

import pytest

from errors import Refused, TooLong, Unavailable
from providers.openai.provider import OpenAI
from records import ChatOptions, Dataset, Message, Recipe, ToolCall, ToolRequest, ToolResult, Usage
from tests.providers.conftest import LABEL
from tests.vendors.openai_vendor import OpenAIVendor

CHAT = "/chat/completions$"
ASKED = [
    Message(role="system", content="Name the shelf."),
    Message(role="user", content="Where do the saws go?"),
]
MakeDataset = Callable[..., Dataset]


@pytest.fixture
def model(provider: OpenAI, dataset: MakeDataset, recipe: Recipe) -> str:
    job = provider.start(dataset(), recipe, LABEL)
    while provider.poll(job).status != "succeeded":
        pass
    return provider.outcome(job).reference


def said(provider: OpenAI, model: str, options: ChatOptions = ChatOptions()) -> tuple[list[str], Usage]:  # noqa: B008
    *pieces, usage = provider.chat("gpt-4.1-mini-2025-04-14", model, ASKED, options)
    assert isinstance(usage, Usage)
    return [str(piece) for piece in pieces], usage


def test_a_tuned_model_answers_in_pieces_and_tells_the_usage(provider: OpenAI, model: str) -> None:
    pieces, usage = said(provider, model)
    assert pieces == ["shelf", " 6"]
    assert usage == Usage(prompt_tokens=8, completion_tokens=2)


def test_an_answer_cut_at_its_length_says_so(provider: OpenAI, model: str) -> None:
    pieces, usage = said(provider, model, ChatOptions(max_tokens=1))
    assert (pieces, usage.finish_reason) == (["shelf"], "length")


def test_all_options_are_accepted_by_the_published_description(provider: OpenAI, model: str) -> None:
    options = ChatOptions(temperature=0.5, top_p=0.9, stop=("a", "b", "c", "d", "e"), seed=3, max_tokens=5)
    assert said(provider, model, options)[0]


def test_tools_and_a_forced_format_are_as_the_published_description_has_them(
    provider: OpenAI, model: str
) -> None:
    function = {"name": "look_up", "parameters": {"type": "object", "properties": {}}, "strict": False}
    tools = [{"type": "function", "function": function}]
    base = "gpt-4.1-mini-2025-04-14"
    first = list(
        provider.chat(base, model, ASKED, ChatOptions(more={"tools": tools, "logit_bias": {"5": 1}}))
    )
    *pieces, usage = first
    assert isinstance(usage, Usage)
    assert usage.finish_reason == "tool_calls"
    calls = [piece for piece in pieces if isinstance(piece, ToolCall)]
    assert "".join(call.arguments for call in calls) == '{"question": "Where do the saws go?"}'
    called = ToolCall(id=calls[0].id, name=calls[0].name, arguments="{}")
    turns = [*ASKED, ToolRequest(content="", calls=(called,)), ToolResult(content="7", call_id=called.id)]
    schema = {"name": "said", "schema": {"type": "object"}}
    more = {"tools": tools, "response_format": {"type": "json_schema", "json_schema": schema}}
    *pieces, _ = provider.chat(base, model, turns, ChatOptions(more=more))
    assert "".join(map(str, pieces)) == '{"said": "shelf 6"}'


def test_a_base_model_can_be_talked_to(provider: OpenAI, recipe: Recipe) -> None:
    assert "".join(said(provider, recipe.base_model)[0]) == "You said: Where do the saws go?"


def test_an_answer_that_breaks_off_is_passing_and_keeps_what_came(
    provider: OpenAI, vendor: OpenAIVendor, model: str
) -> None:
    vendor.fault("POST", CHAT, truncate=True)
    came = []
    with pytest.raises(Unavailable):
        for piece in provider.chat("gpt-4.1-mini-2025-04-14", model, ASKED, ChatOptions()):
            came.append(piece)
    assert came == ["shelf", " 6"]


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"cut": True}])
def test_an_answer_that_did_not_begin_is_asked_for_again(
    provider: OpenAI, vendor: OpenAIVendor, model: str, fault: dict[str, object]
) -> None:
    vendor.fault("POST", CHAT, **fault)
    assert said(provider, model)[0] == ["shelf", " 6"]


def test_base_and_tuned_answer_the_holdout(
    provider: OpenAI, vendor: OpenAIVendor, model: str, dataset: MakeDataset, recipe: Recipe
) -> None:
    (job,) = vendor.jobs
    vendor.fault("POST", CHAT, truncate=True)
    first, second = provider.answers(job, dataset(), recipe)
    assert (first.expected, first.tuned) == ("shelf 0", "shelf 0")
    assert first.base == "You said: Where do the lamps go?"
    assert first.prompt == "Where do the lamps go?"
    assert (second.base_loss, second.tuned_loss) == (None, None)
    one = recipe.but(options={**recipe.options, "evaluate_on": 1})
    assert len(provider.answers(job, dataset(), one)) == 1


LONG = "This model's maximum context length is 1047576 tokens, and 2000000 were sent."


@pytest.mark.parametrize("code", ["context_length_exceeded", None])
def test_a_conversation_that_is_too_long_is_told_as_such(
    provider: OpenAI, vendor: OpenAIVendor, model: str, code: str | None
) -> None:
    error = {"message": LONG, "type": "invalid_request_error", "param": "messages", "code": code}
    vendor.fault("POST", CHAT, status=400, body={"error": error})
    with pytest.raises(TooLong, match="maximum context length"):
        said(provider, model)


def test_a_deleted_model_is_refused(provider: OpenAI, vendor: OpenAIVendor, model: str) -> None:
    vendor.models.clear()
    with pytest.raises(Refused, match="no longer offers"):
        said(provider, model)


@pytest.mark.parametrize("code", ["content_filter", "context_length_exceeded"])
def test_a_held_out_question_that_no_model_answers_counts_as_not_answered(
    provider: OpenAI,
    vendor: OpenAIVendor,
    model: str,
    dataset: MakeDataset,
    recipe: Recipe,
    code: str,
) -> None:
    """Else a model that is paid for would never be published."""
    (job,) = vendor.jobs
    body = {"error": {"message": "No", "type": "invalid_request_error", "param": None, "code": code}}
    vendor.fault("POST", CHAT, status=400, body=body, times=-1)
    assert [(one.base, one.tuned) for one in provider.answers(job, dataset(), recipe)] == [("", "")] * 2
    with pytest.raises(Refused):
        said(provider, model)


def test_half_a_character_of_an_answer_can_be_kept(
    provider: OpenAI, vendor: OpenAIVendor, model: str
) -> None:
    piece = b'data: {"choices": [{"delta": {"content": "at \\ud83d"}, "finish_reason": "stop"}]}\n\n'
    headers = {"content-type": "text/event-stream"}
    vendor.fault("POST", CHAT, status=200, body=piece + b"data: [DONE]\n\n", headers=headers)
    assert said(provider, model)[0] == ["at \ufffd"]
