"""Data, staging, checks and chat of the Gemini provider."""

import json
import urllib.request
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from errors import InvalidData, NotConfigured, Refused, TooLong, Unavailable
from providers.gemini.provider import Gemini
from records import ChatOptions, Dataset, Finding, Message, Recipe, ToolCall, ToolRequest, ToolResult, Usage
from tests.encrypted import untrusted
from tests.providers.conftest import LABEL, PAIRS, pair
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.storage import StorageFront

Make = Callable[..., Gemini]
MakeDataset = Callable[..., Dataset]
ASKED = [
    Message(role="system", content="Name the shelf."),
    Message(role="user", content="Where do the saws go?"),
]


def rules(found: list[Finding]) -> dict[str, Finding]:
    return {finding.rule: finding for finding in found}


def staged(files: StorageFront, provider: Gemini) -> list[dict[str, Any]]:
    (uri,) = provider.staging.listed()
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    with urllib.request.urlopen(
        f"{files.url}/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"
    ) as answer:
        return [json.loads(line) for line in answer.read().decode().splitlines()]


# data


def test_messages_become_contents_beside_the_system_instruction(
    provider: Gemini, vendor: GeminiVendor, files: StorageFront, dataset: MakeDataset, recipe: Recipe
) -> None:
    spoken = pair("灯泡放在哪里？ Где верёвка?", "架子 0 💡")
    job = provider.start(dataset([spoken, *PAIRS]), recipe, LABEL)
    first, *_ = staged(files, provider)
    assert first == {
        "systemInstruction": {"role": "system", "parts": [{"text": "Name the shelf."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "灯泡放在哪里？ Где верёвка?"}]},
            {"role": "model", "parts": [{"text": "架子 0 💡"}]},
        ],
    }
    provider.poll(job)
    assert provider.poll(job).status == "validating_files"


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        (pair("Lamps?", "shelf 0", weight=0), "weight 0"),
        ({"messages": [{"role": "user", "content": "Lamps?"}]}, "not from the assistant"),
        ({"messages": []}, "no messages"),
        (pair("Lamps?", " "), "says nothing"),
        ({**PAIRS[0], "tools": [{}]}, "tool"),
        (
            {"messages": [{"role": "user", "content": ["a"]}, {"role": "assistant", "content": "b"}]},
            "plain text",
        ),
        ({"messages": [{"role": "assistant", "content": "b"}]}, "no user message"),
    ],
)
def test_an_example_that_gemini_can_not_learn_is_named_before_anything_is_sent(
    provider: Gemini,
    vendor: GeminiVendor,
    files: StorageFront,
    dataset: MakeDataset,
    recipe: Recipe,
    example: dict[str, Any],
    reason: str,
) -> None:
    made = dataset([*PAIRS, example])
    (finding,) = [found for found in provider.check(made, recipe) if found.severity == "error"]
    assert reason in finding.message
    assert "example 13" in finding.message
    with pytest.raises(InvalidData, match="Training example 13"):
        provider.start(made, recipe, LABEL)
    assert (vendor.jobs, files.count("POST", ".")) == ({}, 0)


# staging


def test_a_bucket_may_carry_a_folder(make: Make, bucket: str, dataset: MakeDataset, recipe: Recipe) -> None:
    provider = make(bucket=f"gs://{bucket}/team/one")
    provider.start(dataset(), recipe, LABEL)
    assert next(iter(provider.staging.listed())).startswith(f"gs://{bucket}/team/one/luthier/luthier-")


def test_a_staged_file_without_a_job_is_an_orphan(
    provider: Gemini, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.fault("POST", "/tuningJobs$", status=403)
    with pytest.raises(Refused):
        provider.start(dataset(), recipe, LABEL)
    assert [orphan.id for orphan in provider.orphans(timedelta(0))] == list(provider.staging.listed())
    assert provider.orphans() == [], "a young file may belong to a job that is about to start"


def test_a_forbidden_bucket_names_the_rights(
    provider: Gemini, files: StorageFront, dataset: MakeDataset, recipe: Recipe
) -> None:
    files.fault("*", "/b/", status=403, times=2)
    with pytest.raises(Refused) as raised:
        provider.start(dataset(), recipe, LABEL)
    assert "Storage Object Admin" in raised.value.hint


# checks


def test_an_unknown_price_is_told_and_a_limit_then_refused(
    provider: Gemini, dataset: MakeDataset, recipe: Recipe
) -> None:
    assert "not known" in rules(provider.check(dataset(), recipe))["price"].message
    with pytest.raises(Refused, match="can't be kept"):
        provider.check(dataset(), recipe.but(options={"max_cost": 5.0}))


def test_an_operators_price_makes_the_estimate(
    make: Make, dataset: MakeDataset, recipe: Recipe, tmp_path: Path
) -> None:
    own = tmp_path / "bases.toml"
    own.write_text('["gemini-3.5-flash"]\ntraining_price = 4.0\nprice_as_of = 2026-11-01\n')
    estimate = make(bases_file=own).price(dataset(), recipe)
    assert estimate is not None
    assert estimate.usd == pytest.approx(estimate.tokens * 4 / 1e6)
    assert estimate.as_of == "2026-11-01"


@pytest.mark.parametrize("base", ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"])
def test_a_retired_base_is_refused_with_its_successor(
    make: Make, vendor: GeminiVendor, dataset: MakeDataset, recipe: Recipe, base: str
) -> None:
    with pytest.raises(Refused, match="was shut down on 2026-10-16") as raised:
        make(project="").check(dataset(), recipe.but(base_model=base))
    assert "gemini-3." in raised.value.hint
    with pytest.raises(Refused, match="was shut down"):
        make().start(dataset(), recipe.but(base_model=base), LABEL)
    assert vendor.count("POST", "/tuningJobs") == 0


def test_a_dying_base_asks_for_the_persons_word(make: Make, dataset: MakeDataset, recipe: Recipe) -> None:
    late = make(today=lambda: date(2027, 4, 1))
    with pytest.raises(Refused, match="in 48 days"):
        late.check(dataset(), recipe)
    assert late.check(dataset(), recipe.but(options={"accept_retirement": True}))


@pytest.mark.parametrize(
    ("missing", "setting"),
    [
        ({"project": ""}, "GOOGLE_CLOUD_PROJECT"),
        ({"location": ""}, "GOOGLE_CLOUD_LOCATION"),
        ({"location": "global"}, "GOOGLE_CLOUD_LOCATION"),
        ({"bucket": ""}, "LUTHIER_GOOGLE_BUCKET"),
    ],
)
def test_a_missing_setting_is_named(
    make: Make, dataset: MakeDataset, recipe: Recipe, missing: dict[str, str], setting: str
) -> None:
    with pytest.raises(NotConfigured, match=setting):
        make(**missing).check(dataset(), recipe)


def test_a_rank_that_gemini_does_not_take_is_refused(
    provider: Gemini, dataset: MakeDataset, recipe: Recipe
) -> None:
    with pytest.raises(Refused, match="no rank of 3"):
        provider.check(dataset(), recipe.but(rank=3))


# chat


@pytest.fixture
def endpoint(provider: Gemini, dataset: MakeDataset, recipe: Recipe) -> str:
    job = provider.start(dataset(), recipe, LABEL)
    while provider.poll(job).status != "succeeded":
        pass
    return provider.outcome(job).reference


def said(provider: Gemini, model: str, **options: Any) -> tuple[list[str], Usage]:
    *pieces, usage = provider.chat("gemini-3.5-flash", model, ASKED, ChatOptions(**options))
    assert isinstance(usage, Usage)
    return [str(piece) for piece in pieces], usage


def test_a_tuned_endpoint_answers_in_pieces_and_tells_the_usage(provider: Gemini, endpoint: str) -> None:
    pieces, usage = said(provider, endpoint, temperature=0.5, top_p=0.9, stop=("a",) * 6, seed=3)
    assert pieces == ["shelf", " 6"]
    assert usage == Usage(prompt_tokens=5, completion_tokens=2)
    assert said(provider, endpoint, max_tokens=1)[1].finish_reason == "length"


TOOLS = [
    {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}},
    {"type": "function", "function": {"name": "count", "description": "Counts"}},
]


def test_tools_and_their_results_travel_in_geminis_words(
    provider: Gemini, vendor: GeminiVendor, endpoint: str
) -> None:
    more = {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "count"}}}
    *calls, usage = provider.chat("gemini-3.5-flash", endpoint, ASKED, ChatOptions(more=more))
    assert isinstance(usage, Usage)
    assert usage.finish_reason == "tool_calls"
    calls = [call for call in calls if isinstance(call, ToolCall)]
    assert [(call.index, call.name, json.loads(call.arguments)) for call in calls] == [
        (0, "look_up", {"question": ASKED[1].content}),
        (1, "count", {"question": ASKED[1].content}),
    ]
    asked = vendor.log[-1].json
    assert [one["name"] for one in asked["tools"][0]["functionDeclarations"]] == ["look_up", "count"]
    forced = asked["toolConfig"]["functionCallingConfig"]
    # the SDK writes this name in either spelling, and Google reads both
    names = forced.get("allowedFunctionNames", forced.get("allowed_function_names"))
    assert (forced["mode"], names) == ("ANY", ["count"])
    turns = [
        *ASKED,
        ToolRequest(content="", calls=tuple(calls)),
        *(ToolResult(content="shelf 7", call_id=call.id) for call in calls),
    ]
    *pieces, usage = provider.chat("gemini-3.5-flash", endpoint, turns, ChatOptions(more={"tools": TOOLS}))
    assert all(isinstance(piece, str) for piece in pieces)
    *_, called, answered = vendor.log[-1].json["contents"]
    assert [part["functionCall"]["name"] for part in called["parts"]] == ["look_up", "count"]
    assert answered["parts"] == [
        {"functionResponse": {"name": name, "response": {"result": "shelf 7"}}}
        for name in ("look_up", "count")
    ]


def test_a_conversation_that_is_too_long_is_told_as_such(
    provider: Gemini, vendor: GeminiVendor, endpoint: str
) -> None:
    message = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    vendor.fault("POST", "streamGenerateContent", status=400, body={"error": error})
    with pytest.raises(TooLong, match="input token count"):
        said(provider, endpoint)


def test_a_forced_format_and_penalties_travel_too(
    provider: Gemini, vendor: GeminiVendor, endpoint: str
) -> None:
    schema = {"type": "object", "properties": {"said": {"type": "string"}}}
    more = {
        "response_format": {"type": "json_schema", "json_schema": {"name": "said", "schema": schema}},
        "presence_penalty": 0.5,
    }
    text = "".join(said(provider, endpoint, more=more)[0])
    assert json.loads(text) == {"said": "shelf 6"}
    config = vendor.log[-1].json["generationConfig"]
    assert (config["responseJsonSchema"], config["presencePenalty"]) == (schema, 0.5)


def test_a_model_that_must_think_is_asked_without_the_budget(
    provider: Gemini, vendor: GeminiVendor, endpoint: str
) -> None:
    vendor.thinks = True
    assert said(provider, endpoint)[0] == ["shelf", " 6"]


def test_an_answer_that_breaks_off_is_passing(provider: Gemini, vendor: GeminiVendor, endpoint: str) -> None:
    vendor.fault("POST", "GenerateContent$", truncate=True)
    with pytest.raises(Unavailable):
        said(provider, endpoint)


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"cut": True}])
def test_an_answer_that_did_not_begin_is_asked_for_again(
    provider: Gemini, vendor: GeminiVendor, endpoint: str, fault: dict[str, Any]
) -> None:
    vendor.fault("POST", "GenerateContent$", **fault)
    assert said(provider, endpoint)[0] == ["shelf", " 6"]


def test_base_and_tuned_answer_the_holdout_and_a_filtered_answer_is_empty(
    provider: Gemini, vendor: GeminiVendor, endpoint: str, dataset: MakeDataset, recipe: Recipe
) -> None:
    (job,) = vendor.jobs
    first, _ = provider.answers(job, dataset(), recipe)
    assert (first.expected, first.tuned) == ("shelf 0", "shelf 0")
    assert first.base == "You said: Where do the lamps go?"
    blocked = b'data: {"promptFeedback": {"blockReason": "SAFETY"}}\r\n\r\n'
    headers = {"content-type": "text/event-stream"}
    vendor.fault("POST", "endpoints.*GenerateContent$", status=200, body=blocked, headers=headers)
    with pytest.raises(Refused, match="SAFETY"):
        said(provider, endpoint)
    vendor.fault("POST", "endpoints.*GenerateContent$", times=9, status=200, body=blocked, headers=headers)
    assert [answer.tuned for answer in provider.answers(job, dataset(), recipe)] == ["", ""]


def test_a_held_out_question_that_is_too_long_counts_as_not_answered(
    provider: Gemini, vendor: GeminiVendor, endpoint: str, dataset: MakeDataset, recipe: Recipe
) -> None:
    (job,) = vendor.jobs
    said = "The input token count (200000) exceeds the maximum number of tokens allowed (131072)."
    body = {"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}}
    vendor.fault("POST", "GenerateContent$", times=-1, status=400, body=body)
    assert [(one.base, one.tuned) for one in provider.answers(job, dataset(), recipe)] == [("", "")] * 2


def test_a_certificate_that_is_not_trusted_is_named(
    make: Make, dataset: MakeDataset, recipe: Recipe, tmp_path: Path
) -> None:
    made = dataset()
    with untrusted(tmp_path) as address:
        for provider in (make(endpoint=address), make(storage_endpoint=address)):
            with pytest.raises(Unavailable, match=r"not trusted.*self-signed") as raised:
                provider.start(made, recipe.but(epochs=1), LABEL)
            assert "SSL_CERT_FILE" in raised.value.hint
