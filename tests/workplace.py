"""A real Prefect server and process workers on this machine, each a process that can be stopped and killed.

with Workplace(folder, OPENAI_BASE_URL=...) as place:
    place.start_worker()
    run = place.start("fine-tune/hosted", {"sources": [...], ...})
    place.until(run, "Completed")
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from records import Job, Status
from registry import Registry
from tests.asking import asking
from tests.prefect_server import ROOT, free_port

PATIENCE_SECONDS = 180.0


class Workplace:
    """`folder` holds what server and workers keep; further settings go into their environment."""

    def __init__(self, folder: Path, **environment: str):
        self.folder, self.port = folder, free_port()
        self.home = folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{self.port}/api"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PREFECT_", "LUTHIER_", "OPENAI_", "GOOGLE_"))
        }
        self.environment = inherited | {
            "LUTHIER_HOME": str(self.home),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_API_PORT": str(self.port),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "DO_NOT_TRACK": "1",
            **environment,
        }
        self.server: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self.asking = asking(self.url)
        self.registry = Registry(
            f"sqlite:///{self.home / 'luthier.db'}", self.home, str(self.home / "artifacts")
        )

    def __enter__(self) -> Self:
        self.start_server()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            kill_tree(worker.pid)
        if self.server:
            kill_tree(self.server.pid)
        self.asking.close()

    def start_server(self) -> None:
        self.server = self._process("server.log", "prefect", "server", "start", "--port", str(self.port))
        self.until_true(self._is_healthy, "the server's health")

    def stop_server(self, how: signal.Signals = signal.SIGKILL) -> None:
        assert self.server
        self.server.send_signal(how)
        self.server.wait()

    def start_worker(
        self, pool: str = "hosted", limit: int = 0, **environment: str
    ) -> subprocess.Popen[bytes]:
        """`limit`: flows at the same time, or as many as there are."""
        limited = ["--limit", str(limit)] if limit else []
        command = ["prefect", "worker", "start", "--pool", pool, *limited]
        worker = self._process("worker.log", *command, **environment)
        self.workers.append(worker)
        return worker

    def deploy(
        self, paused: Iterable[str] = ("sync-jobs/every-minute", "reap-jobs/hosted", "reap-jobs/own-hardware")
    ) -> None:
        """All of prefect.yaml by `luthier deploy`; schedules of those in `paused` don't run by themselves."""
        self.command(str(Path(sys.executable).with_name("luthier")), "deploy")
        for name in paused:
            self.ask("PATCH", f"/deployments/{self.deployment(name)['id']}", json={"paused": True})

    def command(self, *arguments: str) -> str:
        """What it prints. Raises CalledProcessError."""
        done = subprocess.run(
            arguments, cwd=ROOT, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def deployment(self, name: str) -> dict[str, Any]:
        """By a name such as finish-job/hosted."""
        return dict(self.ask("GET", f"/deployments/name/{name}"))

    def start(self, deployment: str, parameters: dict[str, Any] | None = None) -> str:
        """Have a worker run it; the run's id."""
        path = f"/deployments/{self.deployment(deployment)['id']}/create_flow_run"
        return str(self.ask("POST", path, json={"parameters": parameters or {}})["id"])

    def run(self, id: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"/flow_runs/{id}"))

    def set_state(self, id: str, kind: str, force: bool = False) -> None:
        """As Prefect's pages do: CANCELLING, for instance."""
        asked = {"state": {"type": kind}, "force": force}
        self.ask("POST", f"/flow_runs/{id}/set_state", json=asked)

    def process_of(self, id: str) -> int:
        """Of a run that a worker has started."""
        return int(self.run(id)["infrastructure_pid"].rpartition(":")[2])

    def runs(self, **state: Any) -> list[dict[str, Any]]:
        """Of a state's name or type, for example `name="Completed"`."""
        found: list[dict[str, Any]] = []
        wanted = {"state": {key: {"any_": [value]} for key, value in state.items()}} if state else {}
        while True:
            asked = {"flow_runs": wanted, "limit": 200, "offset": len(found), "sort": "ID_DESC"}
            page = self.ask("POST", "/flow_runs/filter", json=asked)
            found += page
            if len(page) < 200:
                return found

    def until(self, id: str, *names: str, through: Iterable[str] = ()) -> dict[str, Any]:
        """The run, once it is in a state of one of those names; a failure not in `through` ends the wait."""

        def there() -> bool:
            state = self.run(id)["state"]
            wrong = state["type"] in ("FAILED", "CRASHED", "CANCELLED") and state["name"] not in {
                *names,
                *through,
            }
            assert not wrong, f"{state['name']}: {state['message']}\n{self.logs(id)}"
            return state["name"] in names

        self.until_true(there, f"{names} of {id}")
        return self.run(id)

    def sweep(self) -> None:
        """A pass of sync-jobs to its end; the server refuses one as long as it counts another."""

        def swept() -> bool:
            state = self.until(self.start("sync-jobs/every-minute"), "Completed", "Cancelled")["state"]
            assert state["name"] == "Completed" or "concurrency limit" in state["message"], state
            return bool(state["name"] == "Completed")

        self.until_true(swept, "a pass of sync-jobs")

    def until_job(self, job: Job, status: Status) -> None:
        """Until the registry says so."""
        self.until_true(lambda: self.registry.job(job.id).status == status, f"{job.id} {status}")

    def logs(self, id: str) -> str:
        asked = {"logs": {"flow_run_id": {"any_": [id]}}, "sort": "TIMESTAMP_ASC", "limit": 200}
        return "\n".join(line["message"] for line in self.ask("POST", "/logs/filter", json=asked))

    def ask(self, method: str, path: str, **what: Any) -> Any:
        """The server's answer."""
        answer = self.asking.request(method, path, **what)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def flow_processes(self) -> list[int]:
        """The processes that run flows for the workers, at this moment."""
        found = []
        for worker in self.workers:
            if psutil.pid_exists(worker.pid):
                found += [child.pid for child in psutil.Process(worker.pid).children(recursive=True)]
        return found

    def until_idle(self) -> None:
        """Until no process runs a flow."""
        self.until_true(lambda: not self.flow_processes(), "the end of all flows' processes")

    def _process(self, log: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / log).open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _is_healthy(self) -> bool:
        try:
            return self.asking.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def until_true(self, holds: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < end, f"never came: {what}"
            time.sleep(0.2)


def kill_tree(pid: int) -> None:
    if psutil.pid_exists(pid):
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            one.kill()
        process.wait(10)
