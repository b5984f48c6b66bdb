"""vLLM in place of the model process: a loopback that loads adapters and speaks OpenAI's protocol."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from errors import Refused, Unavailable
from records import ChatOptions, Message, Usage
from tests.vendors.loopback import Reply, Request
from tests.vendors.openai_vendor import OpenAIVendor
from web.app import create_app
from web.vllm import Vllm

HELLO = [Message(role="user", content="Where do the lamps go?")]


class LoopbackVllm(OpenAIVendor):
    def __init__(self) -> None:
        super().__init__(checked=False)
        self.loaded: list[dict[str, str]] = []
        self.shutdowns["base"] = None
        self.routes.append(("POST", "/v1/load_lora_adapter", self.load))

    def load(self, request: Request) -> Reply:
        name = request.json["lora_name"]
        if not Path(request.json["lora_path"]).is_dir():
            return Reply({"object": "error", "message": "Loading lora failed: no such folder"}, 404)
        if name in self.shutdowns:
            return Reply(
                {"object": "error", "message": f"The lora adapter '{name}' has already been loaded."}, 400
            )
        self.loaded.append(request.json)
        self.shutdowns[name] = None
        return Reply(b"Success", headers={"Content-Type": "text/plain"})


@pytest.fixture
def vllm():
    with LoopbackVllm() as made:
        yield made


@pytest.mark.parametrize("ending", ["", "/", "/v1"])
def test_an_adapter_is_loaded_once_and_then_answers(ending, vllm, tmp_path):
    server = Vllm(vllm.url + ending)
    for _ in range(2):
        pieces = list(server.chat("base", "model-1", str(tmp_path), HELLO, ChatOptions()))
        assert "".join(pieces[:-1])
        assert isinstance(pieces[-1], Usage)
    assert vllm.loaded == [{"lora_name": "model-1", "lora_path": str(tmp_path)}]


def test_an_adapter_that_another_luthier_loaded_is_fine(vllm, tmp_path):
    vllm.shutdowns["model-1"] = None
    assert list(Vllm(vllm.url).chat("base", "model-1", str(tmp_path), HELLO, ChatOptions()))


def test_the_base_answers_without_an_adapter(vllm):
    assert list(Vllm(vllm.url).chat("base", "", "base", HELLO, ChatOptions()))
    assert vllm.loaded == []


def test_a_restarted_server_is_given_the_adapter_again(vllm, tmp_path):
    server = Vllm(vllm.url)
    list(server.chat("base", "model-1", str(tmp_path), HELLO, ChatOptions()))
    del vllm.shutdowns["model-1"]
    assert list(server.chat("base", "model-1", str(tmp_path), HELLO, ChatOptions()))


def test_what_vllm_refuses_or_an_absent_server_is_told(vllm):
    with pytest.raises(Refused, match="no such folder"):
        list(Vllm(vllm.url).chat("base", "model-1", "/nowhere", HELLO, ChatOptions()))
    with pytest.raises(Unavailable, match="can't be reached"):
        list(Vllm("http://127.0.0.1:9").chat("base", "model-1", "/nowhere", HELLO, ChatOptions()))


def test_own_models_are_routed_to_it(vllm, settings, finish, shop):
    entry = finish(shop.registry.owner())
    own = create_app(settings.model_copy(update={"vllm_url": vllm.url}), runs=False).state.workshop
    model = entry.model.but(provider="gpu", base_model="base")

    async def ask() -> list:
        async with aclosing(own.chatting.pieces(model, HELLO, ChatOptions(), base=True)) as pieces:
            found = [piece async for piece in pieces]
        await own.chatting.close()
        return found

    assert isinstance(asyncio.run(ask())[-1], Usage)
    assert vllm.log[-1].path == "/v1/chat/completions"
