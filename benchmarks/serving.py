"""What serving costs: `python -m benchmarks.serving [--requests 200] [--streams 500] [--models 500]`.

A loopback vendor answers at once; the same requests go to it directly and through /v1/chat/completions, in
turns in one run, so that the difference is what Luthier adds. Then that many streams are open at the same
time, and the panel is asked for with that many models.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from records import Answer, Dataset, Evaluation, Job, Recipe, Report, TunedModel, content_id
from registry import Registry
from registry.runs import Run
from settings import Settings

BASE = "gpt-4.1-mini-2025-04-14"
HELLO = [{"role": "user", "content": "Where do the lamps go?"}]
WORDS = 20


async def vendor(scope: Any, receive: Any, send: Any) -> None:
    """An OpenAI that answers every chat with the same words; `x-pause` in the model's name slows it down."""
    if scope["type"] != "http":
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    pause = 0.25 if b"x-pause" in body else 0.0
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    for at in range(WORDS):
        finish = "stop" if at == WORDS - 1 else None
        choice = {"index": 0, "delta": {"content": f" word{at}"}, "finish_reason": finish}
        usage = {"prompt_tokens": 5, "completion_tokens": WORDS, "total_tokens": 25} if finish else None
        data = json.dumps({**head, "choices": [choice], "usage": usage})
        await send({"type": "http.response.body", "body": f"data: {data}\n\n".encode(), "more_body": True})
        await asyncio.sleep(pause)
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


def run_vendor(port: int) -> None:
    uvicorn.run(vendor, port=port, log_level="error", lifespan="off", backlog=2048)


def run_luthier(port: int, settings: Settings) -> None:
    from web.app import create_app

    app = create_app(settings, runs=False)
    uvicorn.run(app, port=port, log_level="error", access_log=False, backlog=2048)


def fill(registry: Registry, folder: Path, count: int) -> list[str]:
    """Models of the owner, each with a run, a job and an evaluation of ordinary size; returns their ids."""
    registry.owner()
    for part in ("train", "holdout", "lineage", "drops"):
        (folder / part).write_text("")
    uris = {f"{part}_uri": str(folder / part) for part in ("train", "holdout", "lineage", "drops")}
    dataset = Dataset(
        id="dataset-1", use_case="Name the shelf of a tool", kind="chat", report=Report(), **uris
    )
    registry.keep_dataset(dataset)
    sample = Answer(
        expected="shelf 4", prompt="Where do the lamps go? " * 8, base="I am not sure. " * 8, tuned="shelf 4"
    )
    evaluation = Evaluation(
        metric="accuracy",
        base=0.1,
        tuned=0.9,
        holdout_examples=100,
        verdict="better",
        summary="Accuracy rose from 10 % to 90 %.",
        samples=(sample,) * 10,
    )
    ids = []
    for at in range(count):
        recipe = Recipe(base_model=BASE, seed=at)
        job = Job(
            id=Job.id_for(dataset.id, recipe, 1),
            name=f"Shelves {at}",
            status="succeeded",
            provider="openai",
            dataset_id=dataset.id,
            recipe=recipe,
        )
        model = TunedModel(
            id=content_id("model", job.id),
            display_name=job.name,
            description=dataset.use_case,
            provider="openai",
            base_model=BASE,
            reference="ft:x-pause" if at == 1 else "ft:at-once",
            job_id=job.id,
            dataset_id=dataset.id,
            evaluation=evaluation,
        )
        run = Run(
            account="owner",
            flow="fine_tune",
            name=job.name,
            use_case=dataset.use_case,
            base_model=BASE,
            provider="openai",
            parameters={"recipe": recipe.model_dump(mode="json")},
            status="succeeded",
            job_id=job.id,
            dataset_id=dataset.id,
        )
        registry.add_job(job)
        registry.add_model(model)
        registry.add_run(run)
        ids.append(model.id)
    return ids


def quantiles(seconds: list[float]) -> str:
    cut = statistics.quantiles(seconds, n=100)
    return f"p50 {1000 * cut[49]:7.1f} ms   p99 {1000 * cut[98]:7.1f} ms"


async def whole(client: httpx.AsyncClient, url: str, model: str, key: str) -> float:
    """Seconds until the last byte of a streamed answer."""
    start = time.perf_counter()
    body = {"model": model, "messages": HELLO, "stream": True}
    async with client.stream("POST", url, json=body, headers={"Authorization": f"Bearer {key}"}) as answer:
        text = (await answer.aread()).decode()
    if answer.status_code != 200 or "[DONE]" not in text or text.count(" word") != WORDS:
        raise RuntimeError(f"{answer.status_code}: {text[-300:]}")
    return time.perf_counter() - start


async def overhead(vendor_url: str, luthier_url: str, model: str, key: str, requests: int) -> None:
    direct, through = [], []
    async with httpx.AsyncClient(timeout=60) as client:
        for at in range(requests + 20):
            first = await whole(client, vendor_url, "ft:at-once", key)
            second = await whole(client, luthier_url, model, key)
            if at >= 20:
                direct.append(first)
                through.append(second)
    print(f"{requests} answers of {WORDS} pieces, one after the other")
    print(f"  back end directly     {quantiles(direct)}")
    print(f"  through Luthier       {quantiles(through)}")
    added = [after - before for before, after in zip(direct, through, strict=True)]
    print(f"  added                 {quantiles(added)}")


async def many(luthier_url: str, model: str, key: str, streams: int) -> None:
    limits = httpx.Limits(max_connections=streams, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=300, limits=limits) as client:
        start = time.perf_counter()
        jobs = [whole(client, luthier_url, model, key) for _ in range(streams)]
        ended = await asyncio.gather(*jobs, return_exceptions=True)
    failed = [error for error in ended if isinstance(error, BaseException)]
    seconds = time.perf_counter() - start
    each = 0.25 * WORDS
    print(f"{streams} streams open at once, each {each:g} s long at the vendor")
    print(f"  {len(failed)} errors, {seconds:.1f} s in all")
    for error in failed[:3]:
        print(f"  {error!r}")


async def panel(settings: Settings, models: int) -> None:
    """The page's time in the server, without the network: the application is called in this process."""
    from web.app import create_app

    app = create_app(settings, runs=False)
    link = app.state.workshop.door.new_link()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client:
        await client.get(link)
        seconds, computing = [], []
        for _ in range(25):
            start, computed = time.perf_counter(), time.process_time()
            answer = await client.get("/")
            seconds.append(time.perf_counter() - start)
            computing.append(time.process_time() - computed)
            answer.raise_for_status()
    print(f"panel with {models} models, {len(answer.content) / 1000:.0f} kB")
    print(f"  time                  {quantiles(seconds[5:])}")
    print(f"  of it computing       {quantiles(computing[5:])}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--models", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="luthier-serving-") as made:
        folder = Path(made)
        settings = Settings(
            home=folder / "home",
            openai_api_key="sk-x",
            openai_base_url="http://127.0.0.1:8471/v1",
            _env_file=None,
        )
        registry = Registry(**settings.registry_arguments)
        ids = fill(registry, folder, asked.models)
        key = registry.create_key("owner", "benchmark").secret
        processes = [
            multiprocessing.Process(target=run_vendor, args=(8471,), daemon=True),
            multiprocessing.Process(target=run_luthier, args=(8472, settings), daemon=True),
        ]
        for process in processes:
            process.start()
        try:
            wait_for("http://127.0.0.1:8472/healthz")
            urls = [f"http://127.0.0.1:{port}/v1/chat/completions" for port in (8471, 8472)]
            asyncio.run(overhead(urls[0], urls[1], ids[0], key, asked.requests))
            asyncio.run(many(urls[1], ids[1], key, asked.streams))
            asyncio.run(panel(settings, asked.models))
        finally:
            for process in processes:
                process.terminate()
                process.join()


def wait_for(url: str) -> None:
    while True:
        try:
            httpx.get(url).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)


if __name__ == "__main__":
    main()
