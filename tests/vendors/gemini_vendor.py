"""Gemini in Google Cloud on this machine: tuning jobs, endpoints, sign-in. The files are in `storage`."""

import json
import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tests.vendors import contract
from tests.vendors.life import REMEMBERED, Life, Pace, Pair, Scripts, echo, nearest
from tests.vendors.loopback import Fault, Loopback, Reply, Request, routed

FINE = ["JOB_STATE_PENDING", "RUNNING:WAITING_FOR_CAPACITY", "RUNNING:PROCESSING_DATASET", "RUNNING:TUNING"]
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "PARTIALLY_SUCCEEDED")
BASES = ("gemini-3.5-flash", "gemini-3.5-flash-lite", "gemini-3.1-flash-lite")
PREFIX = "/v1beta1/projects/[^/]+/locations/[^/]+"
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def refused(code: int, message: str, status: str | None = None) -> Reply:
    error = {"code": code, "message": message, "status": status or STATUSES.get(code, "UNKNOWN")}
    return Reply({"error": error}, code)


class GeminiVendor(Loopback):
    """`storage`: where the staged files are. `example_tokens`: longer examples are dropped, in silence."""

    def __init__(self, storage: str = "", port: int = 0, pace: Pace | None = None, checked: bool = True):
        super().__init__(port)
        self.storage, self.pace = storage, pace or Pace()
        self.contract = contract.vertex() if checked else None
        self.scripts = Scripts()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.lives: dict[str, Life] = {}
        self.pairs: dict[str, list[Pair]] = {}
        self.endpoints: dict[str, str] = {}  # endpoint -> job
        self.models: dict[str, str] = {}
        self.unseen: dict[str, int] = {}
        self.list_lag, self.filters, self.thinks = 0, True, False
        self.example_tokens, self.signed_in, self.made = 131_072, 0, 1000
        one, chat = f"({PREFIX[9:]}", "(?:publishers/google/models|endpoints)/(.+?)"
        self.routes = [
            ("POST", "/token", self.sign_in),
            ("POST", f"{PREFIX}/tuningJobs", self.create_job),
            ("GET", f"{PREFIX}/tuningJobs", self.list_jobs),
            ("GET", f"/v1beta1/{one}/tuningJobs/[^/:]+)", self.get_job),
            ("POST", f"/v1beta1/{one}/tuningJobs/[^/:]+):cancel", self.cancel_job),
            ("POST", f"/v1beta1/{one}/{chat}):generateContent", self.say),
            ("POST", f"/v1beta1/{one}/{chat}):streamGenerateContent", self.say),
            ("GET", f"/v1beta1/{one}/models/[^/:]+)", self.get_model),
            ("DELETE", f"/v1beta1/{one}/models/[^/:]+)", self.delete_model),
        ]

    def error(self, status: int) -> Any:
        return refused(status, f"The loopback vendor was told to answer {status}.").body

    def state(self) -> dict[str, Any]:
        return {"jobs": [_shown(job) for job in self.jobs.values()], "models": list(self.models)}

    def chosen_fault(self, method: str, path: str) -> Fault | None:
        """Chaos spares the sign-in: Google's library waits out its faults by the clock."""
        chaos, self.chaos = self.chaos, None if path == "/token" else self.chaos
        try:
            return super().chosen_fault(method, path)
        finally:
            self.chaos = chaos

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
        if request.path == "/token":
            return self.sign_in(request)
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return refused(401, "Request is missing required authentication credential.")
        if faults := self._faults(request):
            return refused(400, f"Invalid JSON payload received. {faults[0]}")
        reply = routed(self.routes, request) or refused(404, "Method not found.")
        if self.contract and reply.status == 200 and reply.stream is None:
            self.breaches += self.contract.reply_faults(request.method, request.path, reply.body)
        return reply

    def _faults(self, request: Request) -> list[str]:
        if self.contract is None:
            return []
        names = [name for name, _ in request.query]
        body = request.json if request.body else None
        faults = self.contract.request_faults(request.method, request.path, names, body)
        self.violations += [f"{request.method} {request.path}: {fault}" for fault in faults]
        return faults

    def sign_in(self, request: Request) -> Reply:
        self.signed_in += 1
        return Reply({"access_token": f"token-{self.signed_in}", "expires_in": 3600, "token_type": "Bearer"})

    def _number(self) -> str:
        self.made += 1
        return str(self.made)

    # jobs

    def create_job(self, request: Request) -> Reply:
        asked = request.json
        base = asked.get("baseModel", "")
        if base not in BASES:
            return refused(400, f"Base model {base} is not supported.")
        script = self.scripts.take()
        name = f"{request.path.removeprefix('/v1beta1/')}/{self._number()}"
        spec = asked.get("supervisedTuningSpec", {})
        job = {
            **asked,
            "name": name,
            "state": "JOB_STATE_PENDING",
            "createTime": _time(len(self.jobs)),
            "updateTime": _time(len(self.jobs)),
            "supervisedTuningSpec": spec,
        }
        usual = [*FINE, f"JOB_STATE_{script.outcome.upper()}"]
        life = Life(script.states or usual, self.pace)
        self.jobs[name], self.lives[name], self.unseen[name] = job, life, self.list_lag
        job["script"] = script
        self._read(job, life)
        return Reply(_shown(job))

    def _read(self, job: dict[str, Any], life: Life) -> None:
        spec = job["supervisedTuningSpec"]
        try:
            rows = self._staged(spec.get("trainingDatasetUri", ""))
        except (urllib.error.URLError, ValueError) as error:
            job["script"].error = {"code": 5, "message": f"The training dataset can't be read: {error}"}
            life.states = ["JOB_STATE_PENDING", "JOB_STATE_FAILED"]
            return
        kept, dropped = [], []
        for number, row in enumerate(rows, 1):
            size = sum(len(part["text"]) // 4 for turn in row["contents"] for part in turn["parts"])
            (dropped if size > self.example_tokens else kept).append((number, row, size))
            if self.contract and number <= REMEMBERED and (fault := _line_fault(self.contract, row)):
                job["script"].error = {"code": 3, "message": f"Invalid dataset: example {number}: {fault}"}
                life.states = ["JOB_STATE_PENDING", "RUNNING:PROCESSING_DATASET", "JOB_STATE_FAILED"]
        self.pairs[job["name"]] = [_pair(row) for _, row, _ in kept[:REMEMBERED]]
        epochs = int(spec.get("hyperParameters", {}).get("epochCount") or 3)
        stats: dict[str, Any] = {
            "tuningDatasetExampleCount": str(len(rows)),
            "totalBillableTokenCount": str(sum(size for _, _, size in kept)),
            "tuningStepCount": str(max(1, len(kept) * epochs // 8)),
        }
        if dropped:
            stats |= {
                "totalTruncatedExampleCount": str(len(dropped)),
                "truncatedExampleIndices": [str(number) for number, _, _ in dropped[:10]],
                "droppedExampleReasons": ["The example has too many tokens." for _ in dropped[:10]],
            }
        job["stats"] = {"supervisedTuningDataStats": stats}

    def _staged(self, uri: str) -> list[dict[str, Any]]:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        url = f"{self.storage}/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return [json.loads(line) for line in answer.read().splitlines() if line]

    def _seen(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job as it is now. Each look moves it on."""
        life, name = self.lives[job["name"]], job["name"]
        if job["state"].removeprefix("JOB_STATE_") in ENDED:
            return _shown(job)
        state, _, detail = life.look().partition(":")
        job["state"] = state if state.startswith("JOB_STATE_") else f"JOB_STATE_{state}"
        job["tuningJobState"] = f"TUNING_JOB_STATE_{detail or 'UNSPECIFIED'}"
        job["updateTime"] = _time(len(self.jobs) + life.looks)
        plain = job["state"].removeprefix("JOB_STATE_")
        if plain != "PENDING":
            job.setdefault("startTime", job["updateTime"])
        if detail not in ("", "WAITING_FOR_CAPACITY", "WAITING_FOR_QUOTA") or plain == "SUCCEEDED":
            job["tuningDataStats"] = job.get("stats", {})
        if plain in ENDED:
            job["endTime"] = job["updateTime"]
        if plain in ("SUCCEEDED", "PARTIALLY_SUCCEEDED"):
            self._deploy(job, name)
        if plain == "FAILED":
            job["error"] = job["script"].error or {"code": 13, "message": "Internal error."}
        job |= job["script"].changes
        return _shown(job)

    def _deploy(self, job: dict[str, Any], name: str) -> None:
        place = name.partition("/tuningJobs")[0]
        endpoint, model = f"{place}/endpoints/{self._number()}", f"{place}/models/{self._number()}"
        job["tunedModel"] = {"model": f"{model}@1", "endpoint": endpoint}
        self.endpoints[endpoint], self.models[model] = name, name

    def list_jobs(self, request: Request) -> Reply:
        jobs = sorted(self.jobs.values(), key=lambda job: job["createTime"], reverse=True)
        wanted = re.fullmatch(r'labels\.(\w+)="?([\w-]+)"?', request.asked("filter"))
        if request.asked("filter") and self.filters and not wanted:
            return refused(400, "Invalid filter.")
        if wanted and self.filters:
            jobs = [job for job in jobs if job.get("labels", {}).get(wanted[1]) == wanted[2]]
        visible = [job for job in jobs if not self.unseen[job["name"]]]
        for job in jobs:
            self.unseen[job["name"]] = max(0, self.unseen[job["name"]] - 1)
        start, size = int(request.asked("pageToken") or 0), int(request.asked("pageSize") or 100)
        page = visible[start : start + size]
        body: dict[str, Any] = {"tuningJobs": [_shown(job) if wanted else self._seen(job) for job in page]}
        if start + size < len(visible):
            body["nextPageToken"] = str(start + size)
        return Reply(body if page else {})

    def get_job(self, request: Request, name: str) -> Reply:
        return (
            Reply(self._seen(self.jobs[name])) if name in self.jobs else refused(404, f"{name} is not found.")
        )

    def cancel_job(self, request: Request, name: str) -> Reply:
        if name not in self.jobs:
            return refused(404, f"{name} is not found.")
        job, life = self.jobs[name], self.lives[name]
        if job["state"].removeprefix("JOB_STATE_") in ENDED:
            return refused(400, "The job has ended.", "FAILED_PRECONDITION")
        life.ended, job["state"] = "JOB_STATE_CANCELLED", "JOB_STATE_CANCELLED"
        job["endTime"], job["error"] = job["updateTime"], {"code": 1, "message": "CANCELED"}
        return Reply({})

    def get_model(self, request: Request, name: str) -> Reply:
        return Reply({"name": name}) if name in self.models else refused(404, f"{name} is not found.")

    def delete_model(self, request: Request, name: str) -> Reply:
        if self.models.pop(name, None) is None:
            return refused(404, f"{name} is not found.")
        return Reply({"name": f"{name}/operations/1", "done": True})

    # chat

    def say(self, request: Request, name: str, model: str) -> Reply:
        tuned = "/endpoints/" in name
        if (tuned and name not in self.endpoints) or (not tuned and model not in BASES):
            return refused(404, f"Publisher Model `{name}` was not found or is retired.")
        asked = request.json
        config = asked.get("generationConfig", {})
        if self.thinks and "thinkingConfig" in config:
            return refused(400, "Thinking can't be disabled for this model.")
        question = next((_text(turn) for turn in reversed(asked["contents"]) if turn["role"] == "user"), "")
        pairs = self.pairs.get(self.endpoints[name], []) if tuned else []
        words = (nearest(pairs, question) if pairs else echo(question)).split(" ")
        limit = int(config.get("maxOutputTokens") or 10**9)
        if config.get("responseMimeType") == "application/json":
            words = [json.dumps({"said": " ".join(words)})]
        said, reason = words[:limit], "MAX_TOKENS" if len(words) > limit else "STOP"
        prompt = sum(len(_text(turn).split()) for turn in asked["contents"])
        usage = {
            "promptTokenCount": prompt,
            "candidatesTokenCount": len(said),
            "totalTokenCount": prompt + len(said),
        }
        declared = [one for tool in asked.get("tools", []) for one in tool["functionDeclarations"]]
        if declared and "text" in asked["contents"][-1]["parts"][-1]:
            chunk = _chunk("", "STOP", usage)
            chunk["candidates"][0]["content"]["parts"] = [
                {"functionCall": {"name": one["name"], "args": {"question": question}}}
                for one in declared[:2]
            ]
            event = f"data: {json.dumps(chunk)}\r\n\r\n".encode()
            return Reply(headers={"Content-Type": "text/event-stream"}, stream=[event])
        if request.path.endswith(":generateContent"):
            return Reply(_chunk(" ".join(said), reason, usage))
        texts = [word if number == 0 else f" {word}" for number, word in enumerate(said)]
        chunks = [_chunk(text, None, None) for text in texts[:-1]] + [_chunk(texts[-1], reason, usage)]
        pieces = [f"data: {json.dumps(chunk)}\r\n\r\n".encode() for chunk in chunks]
        return Reply(headers={"Content-Type": "text/event-stream"}, stream=pieces)


def _shown(job: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if key not in ("script", "stats")}


def _time(seconds: int) -> str:
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    return moment.isoformat().replace("+00:00", "Z")


def _text(turn: dict[str, Any]) -> str:
    return "".join(part.get("text", "") for part in turn["parts"])


def _pair(row: dict[str, Any]) -> Pair:
    question = next((_text(turn) for turn in reversed(row["contents"]) if turn["role"] == "user"), "")
    return question, _text(row["contents"][-1])


def _line_fault(api: contract.Discovery, row: dict[str, Any]) -> str:
    faults = api.schema_faults("GoogleCloudAiplatformV1beta1GenerateContentRequest", row)
    if faults:
        return faults[0]
    roles = [turn.get("role") for turn in row["contents"]]
    return "" if set(roles) <= {"user", "model"} and roles[-1] == "model" else f"wrong roles {roles}"


def _chunk(text: str, reason: str | None, usage: dict[str, int] | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate]} | ({"usageMetadata": usage} if usage else {})
