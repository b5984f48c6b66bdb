"""A trained adapter is held against its golden prompts, here and on servers of several kinds."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from errors import InvalidData, LuthierError, NotConfigured, NotFound, Unavailable
from providers.gpu.answers import golden
from providers.gpu.answers.served import Server
from providers.gpu.answers.speakers import speaker
from providers.gpu.provider import Gpu
from providers.gpu.template import Template
from records import ENDED, ChatOptions, Dataset, Message, Recipe, Usage

USER_ONLY = "{% for message in messages %}<|im_start|>user\n{{ message.content }}<|im_end|>\n{% endfor %}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("golden")


@pytest.fixture
def trained(home: Path, dataset: Dataset, recipe: Recipe, tmp_path: Path) -> tuple[str, Path]:
    """The base and the published files of one job, trained once for the module."""
    gpu = Gpu(home=home)
    job = gpu.start(dataset, recipe, "job-golden")
    give_up = time.monotonic() + 120
    while (progress := gpu.poll(job)).status not in ENDED:
        assert time.monotonic() < give_up
        time.sleep(0.1)
    assert progress.status == "succeeded", progress
    return recipe.base_model, Path(gpu.outcome(job).reference)


class Peer(BaseHTTPRequestHandler):
    """A server of the adapter: `kind` says whose manners it has, and what is wrong with it."""

    kind = ""
    base, folder, home = "", Path(), Path()
    thinking_allowed = True

    def do_GET(self) -> None:
        self.reply(200, {"data": [{"id": "depots"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        voice = speaker(self.base, str(self.folder), self.home)
        match self.path, self.kind:
            case "/tokenize", "vllm":
                self.reply(200, {"tokens": voice.template.prompt(self.messages(body))})
            case "/apply-template", "llama.cpp":
                self.reply(200, {"prompt": voice.template.rendered(self.messages(body), ask=True)})
            case "/tokenize", "llama.cpp":
                self.reply(200, {"tokens": voice.template._encode(body.get("content", ""))})
            case "/v1/chat/completions", "strict" if "chat_template_kwargs" in body:
                self.reply(400, {"error": "unknown parameter chat_template_kwargs"})
            case "/v1/chat/completions", "locked":
                self.reply(401, {"error": "no key"})
            case "/v1/chat/completions", "busy":
                self.reply(503, {"error": "busy"})
            case "/v1/chat/completions", "odd":
                self.reply(200, {"text": "?"})
            case "/v1/chat/completions", _:
                *pieces, usage = voice.stream(self.messages(body), ChatOptions(max_tokens=body["max_tokens"]))
                assert isinstance(usage, Usage)
                said = "".join(map(str, pieces))
                answer = {"choices": [{"message": {"content": said}}]}
                if self.kind != "silent":
                    answer["usage"] = {"prompt_tokens": usage.prompt_tokens}  # type: ignore[assignment]
                self.reply(200, answer)
            case _:
                self.reply(404, {"error": "no such page"})

    def messages(self, body: dict[str, Any]) -> list[Message]:
        turns = [Message(**turn) for turn in body["messages"]]
        # a server that drops the system message asks another question
        return turns[1:] if self.kind == "forgetful" else turns

    def reply(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve(trained: tuple[str, Path], home: Path) -> Iterator[Any]:
    servers = []

    def start(kind: str) -> str:
        fields = {"kind": kind, "base": trained[0], "folder": trained[1], "home": home}
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Peer", (Peer,), fields))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_artefact_answers_here_as_it_did_in_training(trained: tuple[str, Path], home: Path) -> None:
    base, folder = trained
    findings = golden.check_files(folder, base, home)
    assert len(findings) == 8 and not [one for one in findings if one.severity == "error"]
    golden.refuse(findings)


def test_another_template_beside_the_adapter_is_noticed(
    trained: tuple[str, Path], home: Path, tmp_path: Path
) -> None:
    import shutil

    base, folder = trained
    other = tmp_path / "adapter"
    shutil.copytree(folder, other)
    (other / "chat_template.jinja").write_text(USER_ONLY)
    findings = golden.check_files(other, base, home)
    assert [one.rule for one in findings] == ["template"]
    with pytest.raises(LuthierError, match="not served as it was trained"):
        golden.refuse(findings)


def test_an_older_artefact_says_that_it_has_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="no golden prompts"):
        golden.read(tmp_path)
    (tmp_path / golden.FILE).write_text("{")
    with pytest.raises(InvalidData, match="can't be read"):
        golden.read(tmp_path)


@pytest.mark.parametrize("kind", ["ours", "vllm", "llama.cpp", "strict"])
def test_a_server_that_serves_it_right_passes(serve: Any, trained: tuple[str, Path], kind: str) -> None:
    server = Server(serve(kind) + "/v1")
    assert server.models() == ["depots"]
    findings = server.check(golden.read(trained[1]), "depots")
    assert len(findings) == 8 and not [one for one in findings if one.severity == "error"], findings
    told = "token ids" if kind in ("vllm", "llama.cpp") else "tokens, as in the training"
    assert told in findings[0].message


def test_a_server_that_renders_another_prompt_is_told_apart(serve: Any, trained: tuple[str, Path]) -> None:
    findings = Server(serve("forgetful")).check(golden.read(trained[1]), "depots")
    assert findings[0].severity == "error" and "where the training had" in findings[0].message


def test_a_server_that_counts_no_tokens_leaves_a_doubt(serve: Any, trained: tuple[str, Path]) -> None:
    findings = Server(serve("silent")).check(golden.read(trained[1]), "depots")
    assert [one.severity for one in findings if one.rule == "tokens"] == ["warning"] * 4
    assert not [one for one in findings if one.severity == "error"]


@pytest.mark.parametrize(
    "kind, error", [("locked", NotConfigured), ("busy", Unavailable), ("odd", InvalidData)]
)
def test_a_server_that_can_t_answer_is_named(
    serve: Any, trained: tuple[str, Path], kind: str, error: type[LuthierError]
) -> None:
    with pytest.raises(error):
        Server(serve(kind)).check(golden.read(trained[1]), "depots")


def test_no_server_is_named_too(trained: tuple[str, Path]) -> None:
    with pytest.raises(Unavailable, match="can't be reached"):
        Server("http://127.0.0.1:9").models()
    with pytest.raises((NotFound, Unavailable)):
        Server("http://127.0.0.1:9/nowhere").check(golden.read(trained[1]), "depots")


def test_answers_are_compared_up_to_the_first_close_call() -> None:
    asked = Message(role="user", content="?")
    prompt = golden.Prompt(messages=(asked,), tokens=(1, 2), answer="north by east", sure="north")
    assert golden.compared_answer(prompt, " north by west").severity == "info"
    assert golden.compared_answer(prompt, "south").severity == "error"
    assert golden.compared_answer(prompt.but(sure=""), "anything").severity == "warning"
    assert golden.compared_answer(prompt.but(answer="", sure="", ends=True), "word").severity == "error"
    whole = prompt.but(answer="north", ends=True)
    assert golden.compared_answer(whole, "north\n").severity == "info"
    assert golden.compared_answer(whole, "north and on and on").severity == "error"
    assert golden.compared_tokens(prompt, [1, 2]).severity == "info"
    assert "from token 1 on" in golden.compared_tokens(prompt, [1, 3, 4]).message
    assert "from token 1 on" in golden.compared_tokens(prompt, [1]).message


def test_a_template_that_writes_the_date_is_held_against_today_s(
    bases: Callable[[str], Path], tmp_path: Path
) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((bases("llama") / name).read_bytes())
    dated = "{{ strftime_now('%Y-%m-%d') }}" + USER_ONLY
    (tmp_path / "chat_template.jinja").write_text(dated)
    asked = (Message(role="user", content="a box"),)
    of_another_day = golden.Prompt(messages=asked, tokens=(1, 2, 3), answer="north", sure="north")
    made = golden.Golden(template_sha256=golden.template_digest(tmp_path), prompts=(of_another_day,))
    (tmp_path / golden.FILE).write_text(made.model_dump_json())
    (prompt,) = golden.read(tmp_path).prompts
    assert prompt.tokens == tuple(Template(tmp_path).prompt(asked))
    # another template is not what the tokens were made by
    (tmp_path / "chat_template.jinja").write_text(dated + " ")
    assert golden.read(tmp_path).prompts == (of_another_day,)
