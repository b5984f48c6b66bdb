import http.client
import json
import threading
import time
from urllib.parse import urlsplit

import openai
import pytest

from tests.vendors.loopback import Reply

HELLO = [{"role": "user", "content": "Where do the lamps go?"}]


@pytest.fixture
def sdk(served, owner):
    return openai.OpenAI(base_url=f"{served}/v1", api_key=owner.key, max_retries=0)


@pytest.fixture
def heard(vendor, monkeypatch):
    """What the vendor was asked."""
    bodies = []
    answer = vendor.chat

    def listening(request):
        bodies.append(request.json)
        return answer(request)

    vendor.routes = [(m, p, listening if p.endswith("/chat/completions") else f) for m, p, f in vendor.routes]
    return bodies


def scripted(vendor, reply):
    """The vendor answers every chat with this."""
    vendor.routes = [(m, p, reply if p.endswith("/chat/completions") else f) for m, p, f in vendor.routes]


def test_an_answer_at_once(sdk, model):
    answer = sdk.chat.completions.create(model=model.id, messages=HELLO)
    choice = answer.choices[0]
    assert answer.object == "chat.completion"
    assert answer.model == model.id
    assert choice.message.content
    assert choice.finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_the_stream_gives_the_same_answer(sdk, model):
    whole = sdk.chat.completions.create(model=model.id, messages=HELLO, temperature=0)
    chunks = list(
        sdk.chat.completions.create(
            model=model.id,
            messages=HELLO,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_parameters_reach_the_back_end(sdk, model, heard):
    sdk.chat.completions.create(
        model=model.id,
        messages=[{"role": "developer", "content": "Be brief."}, *HELLO],
        temperature=0.5,
        top_p=0.9,
        max_completion_tokens=7,
        stop=["\n", "END"],
        seed=3,
        n=1,
        user="someone",
        response_format={"type": "text"},
    )
    asked = heard[0]
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert [asked[name] for name in ("temperature", "top_p", "max_completion_tokens", "stop", "seed")] == [
        0.5,
        0.9,
        7,
        ["\n", "END"],
        3,
    ]
    assert asked["model"] == model.reference


def test_without_a_system_message_the_model_gets_its_own(sdk, model, heard):
    content = [{"type": "text", "text": "Where do "}, {"type": "text", "text": "lamps go?"}]
    sdk.chat.completions.create(model=model.id, messages=[{"role": "user", "content": content}])
    assert heard[0]["messages"] == [
        {"role": "system", "content": "Name the shelf."},
        {"role": "user", "content": "Where do lamps go?"},
    ]


REFUSED = [
    ({"n": 2}, "n"),
    ({"logprobs": True}, "logprobs"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"store": True}, "store"),
    ({"service_tier": "priority"}, "service_tier"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"functions": [{"name": "look_up"}]}, "functions"),
    ({"reasoning_effort": "high"}, "reasoning_effort"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"frequency": 1}, "frequency"),
    ({"temperature": 3}, "temperature"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    ({"stop": 3}, "stop"),
    ({"stop": ["a", 3]}, "stop[1]"),
    ({"messages": []}, "messages"),
    ({"messages": ["x"]}, "messages[0]"),
    ({"messages": [*HELLO, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "assistant", "content": None}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
     "messages[0].content[0].type"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
    ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": "x", "flavour": 1}]}, "messages[0].flavour"),
]  # fmt: skip


def test_what_cannot_be_honoured_is_refused_by_name(client, owner, model):
    for fields, param in REFUSED:
        body = {"model": model.id, "messages": HELLO, **fields}
        answer = client.post("/v1/chat/completions", headers=owner.headers, json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), fields


def test_what_an_sdk_shows_of_an_answer_can_be_sent_back(sdk, model, heard):
    """Also with every field written out, as `model_dump()` does."""
    said = sdk.chat.completions.create(model=model.id, messages=HELLO).choices[0].message
    for answer in (said, said.model_dump(), {**said.model_dump(), "annotations": []}):
        sdk.chat.completions.create(model=model.id, messages=[*HELLO, answer, *HELLO])
        assert heard[-1]["messages"][2] == {"role": "assistant", "content": said.content}


def test_parameters_that_ask_for_nothing_special_are_taken(sdk, model):
    for fields in (
        {"service_tier": "auto", "modalities": ["text"], "n": 1, "safety_identifier": "robin"},
        {"prompt_cache_key": "shelves", "stream_options": None},
        {"extra_body": {"functions": None, "function_call": None, "audio": None, "prediction": None}},
    ):
        assert sdk.chat.completions.create(model=model.id, messages=HELLO, **fields).choices
    options = {"include_usage": True, "include_obfuscation": False}
    chunks = list(
        sdk.chat.completions.create(model=model.id, messages=HELLO, stream=True, stream_options=options)
    )
    assert chunks[-1].usage


def test_half_a_character_is_refused_before_a_back_end_meets_it(client, owner, model, vendor):
    headers = {**owner.headers, "Content-Type": "application/json"}
    for fields in (
        {"messages": [{"role": "user", "content": "a lamp \ud83d"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "\ude00 a lamp"}]}]},
        {"stop": ["\ud83d"]},
        {"metadata": {"a": "\ud83d"}},
    ):
        body = json.dumps({"model": model.id, "messages": HELLO, **fields})
        answer = client.post("/v1/chat/completions", headers=headers, content=body)
        assert answer.status_code == 400
        assert "half of a character" in answer.json()["error"]["message"]
    assert vendor.count("POST", "chat/completions") == 0


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("look_up", "count")
]


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": TOOLS},
        {"parallel_tool_calls": False},
        {"messages": [*HELLO, {"role": "tool", "tool_call_id": "call_1", "content": "7"}]},
    ],
)
def test_what_own_models_do_not_take_is_refused_by_name(fields, client, owner, model, shop, monkeypatch):
    monkeypatch.setattr(shop.chatting, "chats_with", lambda model: shop.work.provider("gpu").chats_with)
    body = {"model": model.id, "messages": HELLO, **fields}
    answer = client.post("/v1/chat/completions", headers=owner.headers, json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "unsupported_parameter")
    assert error["param"] == next(iter(fields))
    assert shop.work.usage(owner.account).requests == 0


def test_tools_are_passed_on_and_their_calls_come_back(sdk, model, heard):
    first = sdk.chat.completions.create(
        model=model.id, messages=HELLO, tools=TOOLS, tool_choice="required", parallel_tool_calls=False
    )
    (choice,) = first.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    calls = choice.message.tool_calls
    assert [call.function.name for call in calls] == ["look_up", "count"]
    assert json.loads(calls[0].function.arguments) == {"question": HELLO[0]["content"]}
    assert [heard[0][name] for name in ("tools", "tool_choice", "parallel_tool_calls")] == [
        TOOLS,
        "required",
        False,
    ]
    results = [{"role": "tool", "tool_call_id": call.id, "content": "shelf 7"} for call in calls]
    second = sdk.chat.completions.create(
        model=model.id, messages=[*HELLO, choice.message, *results], tools=TOOLS
    )
    assert second.choices[0].finish_reason == "stop"
    assert heard[1]["messages"][-3]["tool_calls"] == [call.model_dump() for call in calls]
    assert heard[1]["messages"][-1] == results[-1]


def test_calls_are_streamed_piece_by_piece(sdk, model):
    chunks = list(sdk.chat.completions.create(model=model.id, messages=HELLO, tools=TOOLS, stream=True))
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    arguments: dict[int, str] = {}
    for delta in deltas:
        arguments[delta.index] = arguments.get(delta.index, "") + (delta.function.arguments or "")
    assert len(deltas) == 6
    assert [delta.function.name for delta in deltas if delta.id] == ["look_up", "count"]
    assert [json.loads(text) for text in arguments.values()] == [{"question": HELLO[0]["content"]}] * 2
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "json_object"},
        {
            "type": "json_schema",
            "json_schema": {"name": "said", "schema": {"type": "object"}, "strict": True},
        },
    ],
)
def test_a_forced_format_is_passed_on(wanted, sdk, model, heard):
    answer = sdk.chat.completions.create(model=model.id, messages=HELLO, response_format=wanted)
    assert json.loads(answer.choices[0].message.content)["said"]
    assert heard[0]["response_format"] == wanted


def test_only_a_system_message_is_nothing_to_answer(client, owner, model):
    body = {"model": model.id, "messages": [{"role": "system", "content": "Be brief."}]}
    assert client.post("/v1/chat/completions", headers=owner.headers, json=body).status_code == 400


def test_an_unknown_or_foreign_model_is_not_found_and_costs_nothing(client, owner, person, model, shop):
    robin = person(plan="small")
    for name in (model.id, "model-nothing", model.job_id, "smollm2-135m"):
        body = {"model": name, "messages": HELLO}
        answer = client.post("/v1/chat/completions", headers=robin.headers, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert shop.work.usage(robin.account).requests == 0


def test_the_window_is_shared_told_and_enforced(client, person, finish, shop):
    robin = person(plan="small")
    body = {"model": finish(robin.account).model.id, "messages": HELLO}
    first = client.post("/v1/chat/completions", headers=robin.headers, json=body)
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    client.post("/v1/chat/completions", headers=robin.headers, json=body)
    refused = client.post("/v1/chat/completions", headers=robin.headers, json={**body, "stream": True})
    assert refused.status_code == 429
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "The Small plan's 2 requests in 3 hours are used up." in error["message"]
    assert 3 * 3600 - 60 <= int(refused.headers["retry-after"]) <= 3 * 3600
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert shop.work.usage(robin.account).requests == 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_vendors_fault_comes_in_the_envelope(stream, client, owner, model, vendor):
    vendor.fault("POST", "/chat/completions", times=-1, status=400)
    body = {"model": model.id, "messages": HELLO, "stream": stream}
    answer = client.post("/v1/chat/completions", headers=owner.headers, json=body)
    assert answer.status_code in (409, 422)
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_that_is_too_long_has_openais_status_and_code(stream, sdk, model, vendor):
    error = {"message": "maximum context length is 8", "code": "context_length_exceeded"}
    vendor.fault("POST", "/chat/completions", status=400, body={"error": error})
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(model=model.id, messages=HELLO, stream=stream)
    assert caught.value.code == "context_length_exceeded"


def test_an_answer_that_breaks_off_ends_the_stream_with_an_error(sdk, model, vendor):
    scripted(vendor, lambda request: Reply(stream=[chunk("half an ans")]))
    with pytest.raises(openai.APIError, match="broke off"):
        list(sdk.chat.completions.create(model=model.id, messages=HELLO, stream=True))


def chunk(text: str) -> bytes:
    return (
        'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
        f'[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}\n\n'
    ).encode()


class Endless:
    """Answers without an end, and notes when its reader went."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.sent = 0

    def __iter__(self):
        try:
            while self.sent < 2000:
                self.sent += 1
                yield chunk(f"word{self.sent} ")
                time.sleep(0.01)
        finally:
            self.closed.set()


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_stops_the_generation(stream, served, owner, model, vendor, shop):
    endless = Endless()
    scripted(vendor, lambda request: Reply(stream=endless))
    body = {"model": model.id, "messages": HELLO, "stream": stream}
    connection = http.client.HTTPConnection(urlsplit(served).netloc)
    connection.request(
        "POST",
        "/v1/chat/completions",
        json.dumps(body),
        {**owner.headers, "Content-Type": "application/json"},
    )
    while not endless.sent:
        time.sleep(0.01)
    connection.close()
    assert endless.closed.wait(10)
    assert endless.sent < 2000
    while shop.chatting.streaming:
        time.sleep(0.01)
