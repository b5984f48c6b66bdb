"""What a death leaves behind and how it heals: `python -m benchmarks.kills [--who trainer,worker] [--json]`.

A real Prefect server, a worker of each pool, everything that `luthier deploy` makes, OpenAI on loopback, and
a tiny model that trains on this machine. In each round a run comes to each moment of its life; then one kind
of process gets the signal, at all of them at once. Worker and server are started again after 5 seconds, as a
service manager does. Nobody does anything else; but the chore that tries failed jobs again, which waits a
quarter of an hour and comes every hour, is started at once (`retried`).
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.loopback_services import own_dataset
from tests.hosted import BASES
from tests.hosted_jobs import BASE
from tests.tiny_bases import make_base
from tests.vendors.life import Pace
from tests.vendors.openai_vendor import OpenAIVendor
from tests.workplace import Workplace, kill_tree

AGAIN_SECONDS = 5.0
STOP_SECONDS = 30.0  # what does not end so long after SIGTERM is killed, as by a service manager
COME_SECONDS = 900.0
HEAL_SECONDS = 1200.0
QUESTIONS = 42  # enough for a training that takes a while
MOMENTS = {"training": "own-hardware", "submitting": "hosted", "parked": "hosted", "measuring": "hosted"}
STRUCK = {  # at which moments there is such a process
    "flow": ["training", "submitting", "measuring"],
    "trainer": ["training"],
    "worker": list(MOMENTS),
    "server": list(MOMENTS),
    "machine": list(MOMENTS),
}
LEASES = "prefect.server.concurrency.lease_storage"
ENDS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
WITH_SERVER, WITH_WORKERS = ("server", "machine"), ("worker", "machine")
LINGER_SECONDS = 10.0  # that a process takes to end once its run has


@dataclass
class Fate:
    """`paid`: the jobs that were bought or trained for the one that was ordered."""

    who: str
    signal: str
    moment: str
    left: str = ""
    then: str = ""
    seconds: float = 0.0
    end: str = ""
    paid: int = 0
    models: int = 0

    @property
    def good(self) -> bool:
        """A run whose trainer failed has ended so; another one has made its model."""
        return self.end in ("Completed", "Failed") and (self.paid, self.models) == (1, 1)


class Round:
    """Brings runs to their moments, strikes, and watches."""

    def __init__(self, place: Workplace, vendor: OpenAIVendor, base: Path, who: str, how: signal.Signals):
        self.place, self.vendor, self.base, self.who, self.how = place, vendor, base, who, how
        self.name = f"{who}-{how.name}"
        self.runs: dict[str, str] = {}
        self.flows: dict[str, int] = {}
        self.datasets: dict[str, str] = {}
        self.endless = Pace(polls=10**9)
        # until then the vendor does not answer the calls at which runs are to be met
        self.struck = threading.Event()
        self.hastened: set[str] = set()

    def fates(self) -> list[Fate]:
        self._begin(STRUCK[self.who])
        begun = time.time()
        self._strike()
        made = [Fate(self.who, self.how.name, moment) for moment in self.runs]
        if self.who not in WITH_SERVER:
            time.sleep(2)
            self._see(made)
        self._start_again()
        if self.who in WITH_SERVER:
            self._see(made)
        self.endless.seconds = 0
        self._watch(made, begun)
        return made

    def _begin(self, moments: list[str]) -> None:
        if "parked" in moments:
            self.vendor.pace = self.endless
            self.place.until(self._start("parked"), "WaitingForProvider")
        self.vendor.pace = Pace(seconds=0)
        met: dict[str, Callable[[], object]] = {}
        if "measuring" in moments:
            asked = self.vendor.fault("POST", "/chat/completions$", held=self.struck)
            met["measuring"] = lambda: asked.times == 0
            ordered = len(self.vendor.jobs)
            self._start("measuring")
            self._until(lambda: len(self.vendor.jobs) > ordered, "a job to be measured")
        if "submitting" in moments:
            created = self.vendor.fault("POST", "/fine_tuning/jobs$", held=self.struck)
            met["submitting"] = lambda: created.times == 0
            self._start("submitting")
        if "training" in moments:
            met["training"] = lambda: self._steps() > 3
            self._start("training")
        for moment, is_there in met.items():
            self._until(is_there, moment)

    def _start(self, moment: str) -> str:
        name = f"{self.name}-{moment}"
        folder = self.place.folder / name
        folder.mkdir()
        dataset = own_dataset(self.place.registry, folder, QUESTIONS)
        recipe: dict[str, Any] = {
            "base_model": BASE,
            "options": {"accept_retirement": True, "evaluate_on": 2},
        }
        if MOMENTS[moment] == "own-hardware":
            recipe = {
                "base_model": str(self.base), "epochs": 50, "learning_rate": 0.001, "rank": 4,
                "options": {"batch_examples": 1, "checkpoint_seconds": 1},
            }  # fmt: skip
        given = {"dataset_id": dataset.id, "name": name, "recipe": recipe}
        self.datasets[moment] = dataset.id
        self.runs[moment] = self.place.start(f"fine-tune/{MOMENTS[moment]}", given)
        return self.runs[moment]

    def _until(self, holds: Callable[[], object], what: str) -> None:
        end = time.monotonic() + COME_SECONDS
        while not holds():
            if time.monotonic() > end:
                raise SystemExit(f"{self.name}: no run came to {what}")
            time.sleep(0.1)

    def _steps(self) -> int:
        """That the training has done so far."""
        jobs = self.place.registry.jobs("in_progress")
        mine = [job.progress for job in jobs if job.dataset_id == self.datasets["training"]]
        return mine[0].step if mine and mine[0] else 0

    def _strike(self) -> None:
        self.flows = {at: self.place.process_of(run) for at, run in self.runs.items() if at != "parked"}
        workers = [worker.pid for worker in self.place.workers]
        server = [self.place.server.pid] if self.place.server else []
        struck = {
            "flow": list(self.flows.values()),
            "trainer": trainers(self.place),
            "worker": workers,
            "server": server,
            "machine": [*server, *workers, *self.flows.values(), *trainers(self.place)],
        }[self.who]
        for pid in struck:
            psutil.Process(pid).send_signal(self.how)
        gone = [self.place.server] if self.place.server and self.who in WITH_SERVER else []
        if self.who in WITH_WORKERS:
            gone += self.place.workers
        for process in gone:
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            if process.poll() is None:
                kill_tree(process.pid)
        self.struck.set()

    def _start_again(self) -> None:
        time.sleep(AGAIN_SECONDS)
        if self.who in WITH_SERVER:
            self.place.start_server()
        if self.who in WITH_WORKERS:
            self.place.workers.clear()
            start_workers(self.place)

    def _see(self, fates: list[Fate]) -> None:
        """What there is of each run before anything has healed."""
        for fate in fates:
            run = self.place.run(self.runs[fate.moment])
            pid = int((run["infrastructure_pid"] or ":0").rpartition(":")[2])
            seen = [run["state"]["name"]]
            if fate.moment != "parked":
                seen.append("process lives" if is_alive(pid) else "no process")
            if fate.moment == "training":
                seen.append("trainer lives" if trainers(self.place) else "no trainer")
            fate.left = ", ".join(seen)

    def _watch(self, fates: list[Fate], begun: float) -> None:
        open, end = list(fates), time.time() + HEAL_SECONDS
        while open and time.time() < end:
            time.sleep(1)
            self._hasten()
            for fate in list(open):
                if models := self._models(fate.moment):
                    fate.models, fate.seconds = models, time.time() - begun
                    open.remove(fate)
        for fate in fates:
            fate.end = self._end(self.runs[fate.moment])
        time.sleep(LINGER_SECONDS)
        for fate in fates:
            more = ["retried"] if self.hastened and fate.moment == "training" else []
            more += ["its first process lives on"] if is_alive(self.flows.get(fate.moment, 0)) else []
            fate.then = " → ".join([*self._history(fate.moment, begun), *more])
            fate.paid, fate.models = self._paid(fate.moment), self._models(fate.moment)

    def _hasten(self) -> None:
        failed = {
            job.id for job in self.place.registry.jobs("failed") if job.failure and job.failure.transient
        }
        if failed - self.hastened:
            self.hastened |= failed
            self.place.start("retry-failed/retry-failed", {"first_wait_minutes": 0})

    def _end(self, run: str) -> str:
        end = time.monotonic() + COME_SECONDS
        while self.place.run(run)["state"]["type"] not in ENDS and time.monotonic() < end:
            time.sleep(0.5)
        return str(self.place.run(run)["state"]["name"])

    def _models(self, moment: str) -> int:
        return sum(model.dataset_id == self.datasets[moment] for model in self.place.registry.models())

    def _paid(self, moment: str) -> int:
        ids = {job.id for job in self.place.registry.jobs() if job.dataset_id == self.datasets[moment]}
        if MOMENTS[moment] == "own-hardware":
            return len(ids)
        return sum(one["metadata"]["luthier_job"] in ids for one in self.vendor.state()["jobs"])

    def _history(self, moment: str, begun: float) -> list[str]:
        asked = f"/flow_run_states/?flow_run_id={self.runs[moment]}"
        states = sorted(self.place.ask("GET", asked), key=lambda state: state["timestamp"])
        names = [state["name"] for state in states if stamp(state["timestamp"]) > begun]
        told = [name for name in names if name != "Pending"]
        return [name for at, name in enumerate(told) if at == 0 or name != told[at - 1]]


def stamp(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def trainers(place: Workplace) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = process.cmdline()
            if "providers.gpu" in line and any(str(place.home) in part for part in line):
                found.append(process.pid)
    return found


def start_workers(place: Workplace) -> None:
    for pool in ("own-hardware", "hosted"):
        place.start_worker(pool)


def table(fates: list[Fate]) -> str:
    lines = [
        "| killed | by | while | left behind | then | seconds to the model | jobs | models |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for fate in fates:
        cells = (
            fate.who, fate.signal, fate.moment, fate.left, fate.then, f"{fate.seconds:.0f}",
            str(fate.paid), str(fate.models),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--who", default=",".join(STRUCK))
    parser.add_argument("--signals", default="SIGKILL,SIGTERM")
    parser.add_argument("--leases", default="filesystem", choices=["filesystem", "memory"])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    fates: list[Fate] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luthier-kills-")))
        vendor = stack.enter_context(OpenAIVendor(checked=False))
        settings = {
            "OPENAI_BASE_URL": f"{vendor.url}/v1",
            "OPENAI_API_KEY": "sk-loopback",
            "LUTHIER_BASES_FILE": str(BASES),
            "LUTHIER_POLL_SECONDS": "1",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": f"{LEASES}.{asked.leases}",
        }
        base = make_base(folder / "qwen3", "qwen3")
        place = stack.enter_context(Workplace(folder / "place", **settings))
        place.deploy(paused=())
        start_workers(place)
        for who in asked.who.split(","):
            for how in asked.signals.split(","):
                fates += Round(place, vendor, base, who, signal.Signals[how]).fates()
                print(table(fates[-len(STRUCK[who]) :]), file=sys.stderr, flush=True)
                slots = place.ask("GET", "/v2/concurrency_limits/gpu")["active_slots"]
                print(f"gpu slots taken: {slots}; trainers: {trainers(place)}", file=sys.stderr, flush=True)
    print(json.dumps([asdict(fate) for fate in fates]) if asked.json else table(fates))
    sys.exit(not all(fate.good for fate in fates))


if __name__ == "__main__":
    main()
