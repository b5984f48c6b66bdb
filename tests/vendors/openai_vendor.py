"""OpenAI on this machine: files, uploads, fine-tuning jobs, models and chat, with a state."""

import base64
import csv
import io
import json
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from tests.vendors import contract
from tests.vendors.life import REMEMBERED, Life, Pace, Pair, Scripts, echo, nearest
from tests.vendors.loopback import Reply, Request, Route, routed
from tests.vendors.openai_files import OpenAIFiles, form_of, page_of, refused, shown

FINE = ["validating_files", "queued", "running", "running", "running"]
ENDED = ("succeeded", "failed", "cancelled")
MINIMUM = 10
BASES = ("gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18")


class OpenAIVendor(OpenAIFiles):
    """`list_lag`: so many listings do not show a new job yet. `filters`: honour the filter by metadata."""

    def __init__(self, port: int = 0, pace: Pace | None = None, checked: bool = True):
        super().__init__(port)
        self.pace = pace or Pace()
        self.contract = contract.openai() if checked else None
        self.jobs: dict[str, dict[str, Any]] = {}
        self.scripts = Scripts()
        self.list_lag, self.filters = 0, True
        end = str(date.today() + timedelta(days=53))
        self.shutdowns: dict[str, str | None] = dict.fromkeys(BASES, end)
        self.models: dict[str, str] = {}  # tuned model -> job
        self.says: dict[str, Callable[[str, str], str]] = {}  # model -> its answer to system and user message
        self.routes: list[Route] = [
            *self.file_routes,
            ("GET", "/v1/models", self.list_models),
            ("GET", "/v1/models/(.+)", self.get_model),
            ("DELETE", "/v1/models/(.+)", self.delete_model),
            ("POST", "/v1/fine_tuning/jobs", self.create_job),
            ("GET", "/v1/fine_tuning/jobs", self.list_jobs),
            ("GET", "/v1/fine_tuning/jobs/([^/]+)", self.get_job),
            ("POST", "/v1/fine_tuning/jobs/([^/]+)/cancel", self.cancel_job),
            ("GET", "/v1/fine_tuning/jobs/([^/]+)/events", self.job_events),
            ("GET", "/v1/fine_tuning/jobs/([^/]+)/checkpoints", self.job_checkpoints),
            ("POST", "/v1/chat/completions", self.chat),
        ]

    def error(self, status: int) -> Any:
        codes = {429: "rate_limit_exceeded", 503: "server_is_overloaded"}
        return refused(status, f"The loopback vendor was told to answer {status}.", codes.get(status)).body

    def state(self) -> dict[str, Any]:
        return {
            "jobs": [shown(job) for job in self.jobs.values()],
            "files": [shown(file) for file in self.files.values()],
            "models": list(self.models),
        }

    def control(self, request: Request) -> Reply:
        match request.path:
            case "/_control/next":
                self.scripts.say(**request.json)
            case "/_control/pace":
                self.pace.change(**request.json)
            case _:
                return super().control(request)
        return Reply({"ok": True})

    def reply(self, request: Request) -> Reply:
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return refused(401, "You didn't provide an API key.")
        form = form_of(request)
        if faults := self._faults(request, form):
            return refused(400, faults[0])
        reply = routed(self.routes, request) or refused(404, f"Invalid URL ({request.method} {request.path})")
        if (
            self.contract
            and reply.status == 200
            and reply.stream is None
            and not isinstance(reply.body, bytes)
        ):
            path, body = request.path.removeprefix("/v1"), reply.body
            if isinstance(body.get("data"), list):
                body = {**body, "data": body["data"][:3]}  # the rest is alike
            self.breaches += self.contract.reply_faults(request.method, path, body)
        return reply

    def _faults(self, request: Request, form: dict[str, Any] | None) -> list[str]:
        if self.contract is None:
            return []
        body: Any = request.json if form is None and request.body else None
        if form is not None:  # a file counts as a string, as the description has it
            body = {name: value[0] if isinstance(value, tuple) else value for name, value in form.items()}
        path = request.path.removeprefix("/v1")
        names = [name for name, _ in request.query]
        faults = self.contract.request_faults(request.method, path, names, body)
        self.violations += [f"{request.method} {path}: {fault}" for fault in faults]
        return faults

    def copy_job(self, id: str, label: str) -> str:
        """Another job, as if it had been started in the same way."""
        copied = {**self.jobs[id], "id": self.new_id("ftjob"), "metadata": {"luthier_job": label}}
        copied["created_at"] += len(self.jobs)
        copied["life"] = Life(self.jobs[id]["life"].states, self.pace)
        self.jobs[copied["id"]] = copied
        return str(copied["id"])

    # models

    def _model(self, model: str) -> dict[str, Any]:
        base = self.jobs[self.models[model]]["model"] if model in self.models else model
        ends = None if model in self.models else self.shutdowns.get(base)
        return {"id": model, "object": "model", "created": 1, "owned_by": "loopback", "shutdown_date": ends}

    def list_models(self, request: Request) -> Reply:
        return Reply(
            {"object": "list", "data": [self._model(model) for model in [*self.shutdowns, *self.models]]}
        )

    def get_model(self, request: Request, model: str) -> Reply:
        if model not in self.shutdowns and model not in self.models:
            return refused(404, f"The model '{model}' does not exist", "model_not_found", "model")
        return Reply(self._model(model))

    def delete_model(self, request: Request, model: str) -> Reply:
        if self.models.pop(model, None) is None:
            return refused(404, f"The model '{model}' does not exist", "model_not_found", "model")
        return Reply({"id": model, "object": "model", "deleted": True})

    # jobs

    def create_job(self, request: Request) -> Reply:
        asked = request.json
        if asked["model"] not in self.shutdowns:
            return refused(404, f"The model '{asked['model']}' does not exist", "model_not_found", "model")
        if asked["training_file"] not in self.files:
            return refused(400, f"File '{asked['training_file']}' does not exist", None, "training_file")
        if self.files[asked["training_file"]]["status"] == "pending":
            unread = "The specified file reference must point to a completed file import."
            return refused(400, unread, "invalidPayload")
        method = asked.get("method") or {"type": "supervised", "supervised": {}}
        wanted = method.get("supervised", {}).get("hyperparameters", {})
        script = self.scripts.take()
        usual = [*FINE, script.outcome]
        job = {
            "id": self.new_id("ftjob"),
            "object": "fine_tuning.job",
            "created_at": int(time.time()) + len(self.jobs),
            "finished_at": None,
            "model": asked["model"],
            "fine_tuned_model": None,
            "organization_id": "org-loopback",
            "status": "validating_files",
            "training_file": asked["training_file"],
            "validation_file": asked.get("validation_file"),
            "result_files": [],
            "trained_tokens": None,
            "error": None,
            "seed": asked.get("seed", 0),
            "estimated_finish": None,
            "metadata": asked.get("metadata"),
            "method": method,
            "suffix": asked.get("suffix"),
            "integrations": [],
            "hyperparameters": {
                "n_epochs": "auto",
                "batch_size": "auto",
                "learning_rate_multiplier": "auto",
                **wanted,
            },
            "life": Life(script.states or usual, self.pace),
            "script": script,
            "pairs": [],
            "unseen": self.list_lag,
        }
        self._read(job)
        self.jobs[job["id"]] = job
        return Reply(shown(job))

    def _read(self, job: dict[str, Any]) -> None:
        """Look at the training file, as OpenAI does once the job has started."""
        rows = [json.loads(line) for line in self.files[job["training_file"]]["content"].splitlines() if line]
        job["pairs"] = [_pair(row["messages"]) for row in rows[:REMEMBERED]]
        job["words"] = sum(
            len(message.get("content") or "") // 4 + 4 for row in rows for message in row["messages"]
        )
        code, message = self._rejection(rows)
        if code:
            job["script"].error = {"code": code, "message": message, "param": "training_file"}
            job["life"].states = ["validating_files", "failed"]

    def _rejection(self, rows: list[dict[str, Any]]) -> tuple[str, str]:
        if len(rows) < MINIMUM:
            text = f"Training file has {len(rows)} example(s), but must have at least {MINIMUM} examples."
            return "invalid_n_examples", text
        for number, row in enumerate(rows[:REMEMBERED], 1):
            if self.contract and (fault := _line_fault(self.contract, row)):
                return "invalid_training_file", f"Invalid file format. Example {number}: {fault}"
        return "", ""

    def _seen(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job as it is now. Each look moves it on."""
        if job["status"] in ENDED:
            return job
        job["status"] = job["life"].look()
        epochs = job["hyperparameters"]["n_epochs"]
        if job["status"] == "running":
            job["estimated_finish"] = int(time.time()) + 600
        elif job["status"] in ENDED:
            job["finished_at"] = int(time.time())
        if job["status"] == "succeeded":
            suffix = job["suffix"] or ""
            job["fine_tuned_model"] = f"ft:{job['model']}:loopback:{suffix}:{job['id'][-8:]}"
            job["trained_tokens"] = job["words"] * (epochs if isinstance(epochs, int) else 3)
            job["result_files"] = [self.store("results.csv", _results(), "fine-tune-results")["id"]]
            self.models[job["fine_tuned_model"]] = job["id"]
        if job["status"] == "failed":
            job["error"] = job["script"].error or {
                "code": "server_error",
                "message": "It failed.",
                "param": None,
            }
        job |= job["script"].changes
        return job

    def list_jobs(self, request: Request) -> Reply:
        wanted = {name[9:-1]: value for name, value in request.query if name.startswith("metadata[")}
        jobs = sorted(self.jobs.values(), key=lambda job: -job["created_at"])
        if self.filters and wanted:
            jobs = [job for job in jobs if wanted.items() <= (job["metadata"] or {}).items()]
        visible = [job for job in jobs if not job["unseen"]]
        for job in jobs:
            job["unseen"] = max(0, job["unseen"] - 1)
        if not wanted:
            visible = [self._seen(job) for job in visible]
        return page_of(request, visible, 20)

    def get_job(self, request: Request, id: str) -> Reply:
        if id not in self.jobs:
            return refused(404, f"Could not find fine tune: {id}", "fine_tune_not_found", "fine_tune_id")
        return Reply(shown(self._seen(self.jobs[id])))

    def cancel_job(self, request: Request, id: str) -> Reply:
        if id not in self.jobs:
            return refused(404, f"Could not find fine tune: {id}", "fine_tune_not_found", "fine_tune_id")
        job = self.jobs[id]
        if job["status"] in ENDED:
            return refused(400, f"Job has already completed: {id}")
        job["status"] = job["life"].ended = "cancelled"
        job["finished_at"] = int(time.time())
        return Reply(shown(job))

    def job_events(self, request: Request, id: str) -> Reply:
        if id not in self.jobs:
            return refused(404, f"Could not find fine tune: {id}")
        life = self.jobs[id]["life"]
        events = [self._event(id, number, life) for number in range(life.place + 1)]
        return page_of(request, events[::-1], 20)

    def _event(self, id: str, number: int, life: Life) -> dict[str, Any]:
        state, steps = life.states[number], life.states.count("running")
        step = life.states[: number + 1].count("running")
        event = {
            "object": "fine_tuning.job.event",
            "id": f"ftevent-{id[-8:]}-{number}",
            "created_at": self.jobs[id]["created_at"] + number,
            "level": "info",
            "type": "message",
            "message": f"The job is {state}",
            "data": {},
        }
        if state == "running":
            loss = round(2 / (step + 1), 3)
            event["type"], event["data"] = "metrics", {"step": step, "total_steps": steps, "train_loss": loss}
            event["message"] = f"Step {step}/{steps}: training loss={loss}"
        return event

    def job_checkpoints(self, request: Request, id: str) -> Reply:
        job = self.jobs[id]
        steps = job["life"].states.count("running") if job["status"] == "succeeded" else 0
        checkpoints = [
            {
                "object": "fine_tuning.job.checkpoint", "id": f"ftckpt-{id[-8:]}-{step}", "step_number": step,
                "created_at": job["created_at"] + step, "fine_tuning_job_id": id,
                "fine_tuned_model_checkpoint": f"{job['fine_tuned_model']}:ckpt-step-{step}",
                "metrics": {"step": step, "train_loss": 2 / (step + 1)},
            }
            for step in range(1, steps)
        ]  # fmt: skip
        return page_of(request, checkpoints[::-1], 10)

    # chat

    def _calling(self, asked: dict[str, Any], question: str) -> Reply:
        """The first two tools are called with the question; arguments come in two pieces."""
        head = {"id": self.new_id("chatcmpl"), "created": int(time.time()), "model": asked["model"]}
        usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
        for index, tool in enumerate(asked["tools"][:2]):
            arguments = json.dumps({"question": question})
            function = {"name": tool["function"]["name"], "arguments": ""}
            call = {"index": index, "id": self.new_id("call"), "type": "function", "function": function}
            deltas += [{"tool_calls": [call]}]
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
                for part in (arguments[:7], arguments[7:])
            ]
        return _events(head, deltas, "tool_calls", usage)

    def _said(self, model: str, messages: list[dict[str, Any]]) -> Reply:
        told = {message["role"]: message["content"] for message in messages}
        text = self.says[model](told.get("system", ""), told["user"])
        read, written = (sum(map(len, told.values())) // 4, len(text) // 4)
        choice = {
            "index": 0, "finish_reason": "stop", "logprobs": None,
            "message": {"role": "assistant", "content": text, "refusal": None},
        }  # fmt: skip
        return Reply({
            "id": self.new_id("chatcmpl"), "object": "chat.completion", "created": 1, "model": model,
            "choices": [choice],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        })  # fmt: skip

    def chat(self, request: Request) -> Reply:
        asked = request.json
        model = asked["model"]
        if model in self.says:
            return self._said(model, asked["messages"])
        if model not in self.models and model not in self.shutdowns:
            return refused(404, f"The model '{model}' does not exist", "model_not_found", "model")
        question = next((m["content"] for m in reversed(asked["messages"]) if m["role"] == "user"), "")
        pairs: list[Pair] = self.jobs[self.models[model]]["pairs"] if model in self.models else []
        asked_by = asked["messages"][-1]["role"]
        if asked.get("tools") and asked.get("tool_choice") != "none" and asked_by == "user":
            return self._calling(asked, question)
        words = (nearest(pairs, question) if pairs else echo(question)).split(" ")
        if asked.get("response_format", {"type": "text"})["type"] != "text":
            words = [json.dumps({"said": " ".join(words)})]
        limit = asked.get("max_completion_tokens") or asked.get("max_tokens") or 10**9
        said, reason = words[:limit], "length" if len(words) > limit else "stop"
        prompt = sum(len(str(m.get("content")).split()) for m in asked["messages"])
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": len(said),
            "total_tokens": prompt + len(said),
        }
        head = {"id": self.new_id("chatcmpl"), "created": int(time.time()), "model": model}
        if asked.get("stream"):
            return _streamed(head, said, reason, usage)
        message = {"role": "assistant", "content": " ".join(said), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return Reply({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _streamed(head: dict[str, Any], words: list[str], reason: str, usage: dict[str, int]) -> Reply:
    texts = [word if number == 0 else f" {word}" for number, word in enumerate(words)]
    deltas = [{"role": "assistant", "content": ""}, *({"content": text} for text in texts)]
    return _events(head, deltas, reason, usage)


def _events(head: dict[str, Any], deltas: list[dict[str, Any]], reason: str, usage: dict[str, int]) -> Reply:
    def chunk(choices: list[Any], counted: Any = None) -> bytes:
        body = {**head, "object": "chat.completion.chunk", "choices": choices, "usage": counted}
        return f"data: {json.dumps(body)}\n\n".encode()

    def choice(delta: dict[str, Any], finish: str | None = None) -> list[Any]:
        return [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]

    pieces = [chunk(choice(delta)) for delta in deltas]
    pieces += [chunk(choice({}, reason)), chunk([], usage), b"data: [DONE]\n\n"]
    return Reply(headers={"Content-Type": "text/event-stream"}, stream=pieces)


def _pair(messages: list[dict[str, Any]]) -> Pair:
    question = next((m.get("content") for m in reversed(messages) if m["role"] == "user"), "")
    return str(question), str(messages[-1].get("content") or "")


def _line_fault(api: contract.OpenApi, row: dict[str, Any]) -> str:
    kinds = {
        "system": "ChatCompletionRequestSystemMessage",
        "developer": "ChatCompletionRequestDeveloperMessage",
        "user": "ChatCompletionRequestUserMessage",
        "assistant": "FineTuneChatCompletionRequestAssistantMessage",
        "tool": "ChatCompletionRequestToolMessage",
    }
    for message in row.get("messages", [{}]):
        if message.get("role") not in kinds:
            return f"unknown role {message.get('role')}"
        if faults := api.schema_faults(kinds[message["role"]], message):
            return faults[0]
    return "" if row["messages"][-1]["role"] == "assistant" else "the last message must be from the assistant"


def _results() -> bytes:
    """In base64, as OpenAI has served it."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"])
    table.writerows([[step, 2 / (step + 1), 0.5 + step / 10, "", ""] for step in range(1, 4)])
    return base64.b64encode(text.getvalue().encode())
