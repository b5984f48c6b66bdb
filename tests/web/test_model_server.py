"""The model process seen from the server, a script in its place."""

import asyncio
import sys
from contextlib import aclosing

import pytest

from errors import BadOption, InvalidData, Unavailable
from records import ChatOptions, Message, Usage, Weighed
from web.faults import TooManyRequests
from web.model_server import ModelServer

HELLO = [Message(role="user", content="Where do the lamps go?")]
# answers by what it is asked: one line a word, in a thread so that a request can be taken back
SCRIPT = """
import json, os, sys, threading, time
back = set()
def answer(said):
    number, words = said["id"], said["messages"][-1]["content"].split()
    if words[0] == "die": os._exit(1)
    if words[0] == "babble": print("no JSON", flush=True)
    if words[0] == "fail":
        failure = {"code": "invalid_data_format", "message": "Too long.", "hint": "Cut it."}
        return say(id=number, failure=failure)
    if words[0] == "misask":
        failure = {"code": "invalid_value", "message": "No token 9.", "hint": ""}
        return say(id=number, failure=failure, param="logit_bias")
    if words[0] == "weigh":
        token = {"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}
        say(id=number, weighed={"text": "a", "tokens": [token]})
    while words[0] == "wait":
        if number in back: return
        time.sleep(0.01)
    for word in [said["reference"], *words]: say(id=number, piece=word)
    say(id=number, usage={"prompt_tokens": len(words), "completion_tokens": 2})
def say(**what): sys.stdout.write(json.dumps(what) + "\\n"); sys.stdout.flush()
for line in sys.stdin:
    said = json.loads(line)
    if "cancel" in said: back.add(said["cancel"]); print("back", said["cancel"], file=sys.stderr, flush=True)
    else: threading.Thread(target=answer, args=(said,), daemon=True).start()
"""


def scripted(**options) -> ModelServer:
    return ModelServer((sys.executable, "-u", "-c", SCRIPT), **options)


async def ask(server: ModelServer, text: str, reference: str = "adapter") -> list:
    messages = [Message(role="user", content=text)]
    async with aclosing(server.chat("base", reference, messages, ChatOptions())) as pieces:
        return [piece async for piece in pieces]


def on(server: ModelServer, scene):
    async def play():
        try:
            return await scene(server)
        finally:
            await server.close()

    return asyncio.run(play())


def test_answers_find_their_way_to_who_asked():
    async def scene(server):
        return await asyncio.gather(*(ask(server, f"question {n}", f"adapter-{n}") for n in range(8)))

    for number, answer in enumerate(on(scripted(), scene)):
        assert answer[:3] == [f"adapter-{number}", "question", str(number)]
        assert answer[3] == Usage(prompt_tokens=2, completion_tokens=2)


def test_a_hundred_at_once_are_all_answered():
    async def scene(server):
        return await asyncio.gather(*(ask(server, f"question {n}") for n in range(100)))

    assert [answer[2] for answer in on(scripted(), scene)] == [str(n) for n in range(100)]


def test_a_failure_of_the_process_is_ours_and_it_goes_on():
    async def scene(server):
        with pytest.raises(InvalidData, match="Too long"):
            await ask(server, "fail")
        return await ask(server, "hello")

    assert on(scripted(), scene)[1] == "hello"


def test_chances_of_tokens_and_a_wrong_parameters_name_come_through():
    async def scene(server):
        with pytest.raises(BadOption) as caught:
            await ask(server, "misask")
        return caught.value.param, await ask(server, "weigh")

    param, answer = on(scripted(), scene)
    assert param == "logit_bias"
    assert isinstance(answer[0], Weighed) and answer[0].tokens[0].bytes == (97,)


@pytest.mark.parametrize("how", ["die", "babble"])
def test_a_process_that_fails_is_told_and_started_anew(how):
    async def scene(server):
        with pytest.raises(Unavailable, match="has stopped"):
            await ask(server, how)
        return await ask(server, "hello")

    assert on(scripted(), scene)[1] == "hello"


def test_a_line_that_is_too_long_is_refused_at_once():
    async def scene(server):
        waiting = [asyncio.create_task(ask(server, "wait")) for _ in range(3)]
        while len(server._open) < 3:
            await asyncio.sleep(0.01)
        with pytest.raises(TooManyRequests) as caught:
            await ask(server, "hello")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return caught.value, await ask(server, "hello")

    error, answer = on(scripted(longest_line=3), scene)
    assert 0 < error.retry_after <= 60, "what OpenAI's SDKs heed"
    assert answer[1] == "hello", "there is room again"


def test_who_goes_takes_the_request_back(capfd):
    async def scene(server):
        task = asyncio.create_task(ask(server, "wait"))
        while not server._open:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await ask(server, "hello")

    on(scripted(), scene)
    assert "back 1" in capfd.readouterr().err


def test_an_idle_process_ends_and_the_next_request_starts_another():
    async def scene(server):
        await ask(server, "hello")
        while server._process is not None:
            await asyncio.sleep(0.01)
        return await ask(server, "again")

    assert on(scripted(idle_seconds=0.05), scene)[1] == "again"


def test_without_requests_no_process_is_started():
    async def scene(server):
        return server._process

    assert on(ModelServer(), scene) is None
