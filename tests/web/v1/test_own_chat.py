"""What chat with own models offers beyond the vendors': several answers, chances of tokens, forms."""

import openai
import pytest

from errors import BadOption, Unavailable
from records import Chance, TokenChance, Usage, Weighed

HELLO = [{"role": "user", "content": "Where do the lamps go?"}]


@pytest.fixture
def asked(shop, monkeypatch):
    """What the back end is asked. It says its seed; asked with a seed of 13 it fails."""
    heard = []

    async def pieces(model, turns, options, base=False):
        heard.append(options)
        if options.seed == 13:
            raise Unavailable("It broke.", "Try again.")
        if "logit_bias" in options.more:
            raise BadOption("There is no token 9.", "", "logit_bias")
        for word in ("seed ", str(options.seed)):
            if "logprobs" in options.more:
                said = {"token": word, "logprob": -0.5, "bytes": tuple(word.encode())}
                yield Weighed(text=word, tokens=(TokenChance(**said, top_logprobs=(Chance(**said),)),))
            else:
                yield word
        yield Usage(prompt_tokens=5, completion_tokens=2)

    own = shop.work.provider("gpu").chats_with | {"n"}
    monkeypatch.setattr(shop.chatting, "chats_with", lambda model: own)
    monkeypatch.setattr(shop.chatting, "pieces", pieces)
    return heard


@pytest.fixture
def sdk(asked, served, owner):
    return openai.OpenAI(base_url=f"{served}/v1", api_key=owner.key, max_retries=0)


def test_several_answers_are_drawn_apart_and_their_prompt_counts_once(sdk, model, shop, owner):
    answer = sdk.chat.completions.create(model=model.id, messages=HELLO, n=3, seed=7)
    said = [(choice.index, choice.message.content, choice.finish_reason) for choice in answer.choices]
    assert said == [(0, "seed 7", "stop"), (1, "seed 8", "stop"), (2, "seed 9", "stop")]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 6)
    assert shop.work.usage(owner.account).requests == 3


def test_several_answers_are_streamed_side_by_side(sdk, model):
    options = {"include_usage": True}
    chunks = list(
        sdk.chat.completions.create(
            model=model.id, messages=HELLO, n=2, seed=-1, stream=True, stream_options=options
        )
    )
    texts, ends = ["", ""], []
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        texts[choice.index] += choice.delta.content or ""
        ends += [choice.index] if choice.finish_reason else []
    assert texts == ["seed -1", "seed 0"]
    assert sorted(ends) == [0, 1]
    assert [chunk.usage.completion_tokens for chunk in chunks if chunk.usage] == [4]


def test_a_fault_in_one_answer_is_the_requests(sdk, model):
    with pytest.raises(openai.APIStatusError, match="It broke"):
        sdk.chat.completions.create(model=model.id, messages=HELLO, n=3, seed=12)


@pytest.mark.parametrize("stream", [False, True])
def test_chances_of_tokens_have_openais_shape(stream, sdk, model, asked):
    answer = sdk.chat.completions.create(
        model=model.id, messages=HELLO, logprobs=True, top_logprobs=1, stream=stream
    )
    chunks = list(answer) if stream else [answer]
    told = [choice.logprobs for chunk in chunks for choice in chunk.choices if choice.logprobs]
    tokens = [token for one in told for token in one.content]
    assert [token.token for token in tokens] == ["seed ", "None"]
    assert (tokens[0].logprob, tokens[0].bytes) == (-0.5, list(b"seed "))
    assert tokens[0].top_logprobs[0].token == "seed "
    assert asked[0].more == {"logprobs": True, "top_logprobs": 1}


def test_without_them_there_are_none(sdk, model):
    (choice,) = sdk.chat.completions.create(model=model.id, messages=HELLO, logprobs=False).choices
    assert choice.logprobs is None


def test_a_form_is_handed_on(sdk, model, asked):
    wanted = {"type": "json_schema", "json_schema": {"name": "said", "schema": {"type": "object"}}}
    sdk.chat.completions.create(model=model.id, messages=HELLO, response_format=wanted)
    assert asked[0].more == {"response_format": wanted}


def test_top_p_of_nothing_takes_the_likeliest_token(sdk, model, asked):
    sdk.chat.completions.create(model=model.id, messages=HELLO, top_p=0)
    assert 0 < asked[0].top_p < 1e-3


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logit_bias": {"the": 1}}, "logit_bias.the"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5"),
        ({"logit_bias": {"9": 1}}, "logit_bias"),
        ({"tools": [{"type": "function", "function": {"name": "look_up"}}]}, "tools"),
    ],
)
def test_what_cannot_be_is_refused_by_name(fields, param, asked, client, owner, model):
    body = {"model": model.id, "messages": HELLO, **fields}
    answer = client.post("/v1/chat/completions", headers=owner.headers, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_answers_that_the_window_does_not_hold_are_not_begun(asked, client, person, finish, shop):
    robin = person(plan="small")
    body = {"model": finish(robin.account).model.id, "messages": HELLO, "n": 3}
    refused = client.post("/v1/chat/completions", headers=robin.headers, json=body)
    assert refused.status_code == 429
    assert "requests in 3 hours leave 2 of the 3 answers asked for." in refused.json()["error"]["message"]
    assert shop.work.usage(robin.account).requests == 0
    assert asked == []
