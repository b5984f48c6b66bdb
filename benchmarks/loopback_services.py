"""What a benchmark of whole flows runs against: a Prefect server and loopback vendors, each a process."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from settings import quiet_dependencies

if TYPE_CHECKING:
    from records import Dataset
    from registry import Registry

QUESTIONS = 12


@dataclass
class Vendor:
    name: str
    urls: list[str]  # where it is controlled

    @property
    def ports(self) -> set[int]:
        return {urlsplit(url).port or 0 for url in self.urls}

    def chaos(self, seed: int, rate: float) -> None:
        for url in self.urls:
            ask(f"{url}/_control/chaos", {"seed": seed, "rate": rate})

    def jobs(self) -> dict[str, list[str]]:
        """The states of the jobs of each label."""
        found: dict[str, list[str]] = {}
        for job in ask(f"{self.urls[0]}/_control/state")["jobs"]:
            label = (job.get("metadata") or job.get("labels") or {}).get("luthier_job", "")
            state = str(job.get("status") or job["state"]).removeprefix("JOB_STATE_").lower()
            found.setdefault(label, []).append(state)
        return found

    def uploads(self) -> int:
        """How many training files were stored so far."""
        if self.name == "openai":
            files = ask(f"{self.urls[0]}/_control/state")["files"]
            return sum(file["purpose"] == "fine-tune" for file in files)
        log = ask(f"{self.urls[1]}/_control/log")
        sent = [seen for seen in log if seen["method"] == "POST" and "/upload/" in seen["path"]]
        return sum(seen["status"] == 200 or seen["fault"].endswith("after") for seen in sent)


def ask(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as answer:
        return json.loads(answer.read())


@contextmanager
def vendor_process(name: str) -> Iterator[Vendor]:
    """`python -m tests.vendors NAME`; what it asks to export is exported here."""
    command = [sys.executable, "-m", "tests.vendors", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.match(r"export (\w+)=(.*)", line):
                os.environ[found[1]] = found[2]
            if found := re.match(r"# control it at (\S+)", line):
                break
        assert found, f"{' '.join(command)} ended"
        storage = [os.environ["STORAGE_EMULATOR_HOST"]] if name == "gemini" else []
        yield Vendor(name, [found[1], *storage])
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def prefect_server(home: Path) -> Iterator[str]:
    """A Prefect server of its own, to which this process and its children are pointed."""
    os.environ["LUTHIER_HOME"] = str(home)
    os.environ["PREFECT_HOME"] = str(home)
    quiet_dependencies(embedded=True)
    port = free_port()
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/api"
    try:
        await_answer(f"{url}/health", server)
        os.environ["PREFECT_API_URL"] = url
        yield url
    finally:
        server.terminate()
        server.wait(30)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_answer(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer")


def own_dataset(registry: "Registry", home: Path, questions: int = QUESTIONS) -> "Dataset":
    """A dataset that no other home has; the same again for the same home."""
    from records import Dataset, Report, content_id

    folder = home / "made"
    folder.mkdir(exist_ok=True)
    pairs = [
        (f"Where does thing {number} of {home.name} go?", f"shelf {number}") for number in range(questions)
    ]
    examples = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
        for asked, said in pairs
    ]
    lineage = [
        {"split": split, "line": line, "kind": "chat", "sources": [{"uri": home.name, "row": line}]}
        for split, lines in (("train", questions - 2), ("holdout", 2))
        for line in range(1, lines + 1)
    ]
    written = {"train": examples[2:], "holdout": examples[:2], "lineage": lineage, "drops": []}
    for name, lines in written.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    dataset_id = content_id("dataset", home.name)
    if any(known.id == dataset_id for known in registry.datasets()):
        return registry.dataset(dataset_id)
    return registry.keep_dataset(
        Dataset(
            id=dataset_id,
            use_case="Name the shelf of a thing.",
            kind="chat",
            report=Report(train=questions - 2, holdout=2, examples=questions),
            **{f"{name}_uri": str(folder / f"{name}.jsonl") for name in written},
        )
    )
