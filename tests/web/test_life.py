"""`luthier serve` as a program, the official SDKs as its clients, the pipeline on a tiny model behind it."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.tiny_bases import make_base
from tests.web.served import ROOT, Served

pytestmark = pytest.mark.slow

DEPOTS = ("north", "south", "east", "west")
JS_SDK = "openai@7"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("bases") / "tiny", "llama")


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("examples") / "parcels.jsonl"
    goods = ("oranges", "letters", "lamps", "rope", "paint", "books", "seeds", "glass", "wool", "tea")
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"parcel of {good}, number {10 * turn + at}, going {depot}"},
                {"role": "assistant", "content": depot},
            ]
        }
        for turn, depot in enumerate(DEPOTS)
        for at, good in enumerate(goods)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("served") / "home")
    yield made
    made.end()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """To measure with: six of their own, and one that stands among the examples too."""
    path = tmp_path_factory.mktemp("measured") / "measured.jsonl"
    row = {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "north"}]}
    goods = ("a barrel of honey", "nine chairs", "fresh bread", "some old maps", "the choir's robes", "ice")
    lines = []
    for good in goods:
        row["messages"][0]["content"] = f"where must {good} be brought, north it says"
        lines.append(json.dumps(row))
    path.write_text("\n".join([*lines, examples.read_text().splitlines()[0]]) + "\n")
    return path


def until(served: Served, job_id: str, *statuses: str) -> Any:
    while (job := served.sdk.fine_tuning.jobs.retrieve(job_id)).status not in statuses:
        assert job.status not in ("failed", "cancelled"), job.error
        time.sleep(0.3)
    return job


def test_a_fine_tuning_life_survives_the_kill_of_its_server_and_its_process(served, base, examples, measured):
    sdk = served.sdk
    upload = sdk.files.create(file=examples, purpose="fine-tune")
    job = sdk.fine_tuning.jobs.create(
        model=str(base),
        training_file=upload.id,
        validation_file=sdk.files.create(file=measured, purpose="fine-tune").id,
        suffix="depots",
        hyperparameters={"n_epochs": 20},
        metadata={"use_case": "Sort the parcel into a depot"},
    )
    while not any(event.data for event in sdk.fine_tuning.jobs.list_events(job.id)):
        assert until(served, job.id, "queued", "validating_files", "running")
        time.sleep(0.1)

    served.kill()
    assert served.runs(), "what it started goes on"
    for process in served.runs():
        process.kill()
    served.start()
    sdk = served.sdk
    assert sdk.fine_tuning.jobs.retrieve(job.id).status not in ("failed", "cancelled")

    job = until(served, job.id, "succeeded")
    events = [event.message for event in sdk.fine_tuning.jobs.list_events(job.id, limit=2)]
    assert events[0] == "The model is ready."
    assert events[-1] == "The job was created."
    assert len(events) > 3
    assert [model.id for model in sdk.models.list()] == [job.fine_tuned_model]
    assert [one.id for one in sdk.fine_tuning.jobs.list(limit=1)] == [job.id]

    made = served.luthier("datasets", "--json")["datasets"][0]["report"]
    assert (made["train"], made["holdout"], made["overlap"]) == (39, 7, 0.0)

    question = [{"role": "user", "content": "parcel of oranges, number 3, going south"}]
    chosen = {"model": job.fine_tuned_model, "messages": question, "max_tokens": 4}
    chunks = list(sdk.chat.completions.create(**chosen, stream=True, stream_options={"include_usage": True}))
    whole = sdk.chat.completions.create(**chosen)
    assert (
        "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        == whole.choices[0].message.content
    )
    assert chunks[-1].usage == whole.usage

    assert served.luthier("models", "--json")["models"][0]["display_name"] == "depots"
    assert sdk.models.delete(job.fine_tuned_model).deleted
    with pytest.raises(openai.NotFoundError):
        sdk.chat.completions.create(**chosen)


def without_javascript(why: str) -> None:
    """A newcomer's machine may lack it; where it must be there, its lack is a failure."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(why)


def test_the_same_life_in_javascript(served, base, examples, tmp_path):
    if not shutil.which("node") or not shutil.which("npm"):
        without_javascript("node and npm are not installed")
    got = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(tmp_path), JS_SDK],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if got.returncode:
        without_javascript(f"the openai package can't be had from npm: {got.stderr[-300:]}")
    script = ROOT / "tests" / "web" / "life.mjs"
    arguments = [served.said["api"], served.key, str(base), str(examples), str(tmp_path)]
    done = subprocess.run(["node", str(script), *arguments], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["created"] == "queued"
    assert told["job"]["status"] == "succeeded"
    assert told["events"][-1] == "The job was created."
    assert told["listed"] == [told["job"]["fine_tuned_model"]]
    assert told["chunks"] >= 2
    assert told["deleted"]["deleted"] is True
    assert told["gone"] == [404, "model_not_found", "string"]
