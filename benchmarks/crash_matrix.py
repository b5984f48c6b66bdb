"""Kills the flow between its first and its last call to the vendor, runs it again, and counts the jobs there.

`python -m benchmarks.crash_matrix [--kills 200] [--faults 0,0.1] [--vendors openai,gemini] [--seed 1]`

Each kill has a dataset, a home and a job of its own, and strikes (SIGKILL) at one line of our code; the lines
are drawn by the seed, each before any is drawn twice. The process is a fork of one that has everything
imported; the vendors are the loopback ones, driven by their real SDKs, behind a real Prefect server. Waits
run faster.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.kill_points import KILL, Spot, Tracer
from benchmarks.loopback_services import Vendor, prefect_server, vendor_process

BATCH = 20  # kills between two lines of progress
HURRY = 1000  # so much faster go the waits between attempts and polls
LONGEST_SECONDS = 180
MOST_RERUNS = 5
BASES = {"openai": "gpt-4.1-mini-2025-04-14", "gemini": "gemini-3.5-flash"}


@dataclass
class Cell:
    """What became of one vendor's kills, with or without faults."""

    vendor: str
    faults: float
    kills: int = 0
    lines: int = 0
    lines_hit: int = 0
    reruns: int = 0
    one_job: int = 0
    lost: int = 0
    doubled: int = 0
    uploads_repeated: int = 0
    published_once: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        clean = not (self.lost or self.doubled or self.uploads_repeated or self.wrong)
        return clean and self.kills == self.one_job == self.published_once


class Matrix:
    def __init__(self, vendor: Vendor, folder: Path, seed: int, workers: int):
        self.vendor, self.folder, self.workers = vendor, folder, workers
        self.chance = random.Random(seed)
        self.made = 0

    def cell(self, kills: int, faults: float) -> Iterator[Cell]:
        """The cell as it stands after each batch of kills; the last one is the whole."""
        begun, spots = time.monotonic(), self._spots()
        uploads, lives = self.vendor.uploads(), self.made
        self.vendor.chaos(self.chance.randrange(10**6), faults)
        wanted: list[Spot] = []
        while len(wanted) < kills:
            drawn = list(spots)
            self.chance.shuffle(drawn)
            wanted += [(line, self.chance.randint(1, spots[line])) for line in drawn]
        struck: list[tuple[Spot, dict[str, Any]]] = []
        while len(struck) < kills and wanted:
            size = min(kills - len(struck), BATCH)
            batch, wanted = wanted[:size], wanted[size:]
            struck += [
                (spot, told) for spot, told in zip(batch, self._all(batch), strict=True) if told["struck"]
            ]
            cell = Cell(self.vendor.name, faults, lines=len(spots), seconds=time.monotonic() - begun)
            self._judge(cell, struck)
            cell.uploads_repeated = self.vendor.uploads() - uploads - (self.made - lives)
            yield cell
        self.vendor.chaos(0, 0)

    def _spots(self) -> dict[Any, int]:
        """The lines of an undisturbed run from the first call to the last, and how often each is met."""
        self.vendor.chaos(0, 0)
        home = self._home()
        self._forked(lambda: flow_process(home, self.vendor, None))
        told = outcome_of(home)
        if not told.get("lines"):
            raise SystemExit(
                f"The undisturbed run failed:\n{told.get('error') or (home / 'log').read_text()}"
            )
        for module in told["modules"]:
            # else every fork would import it again
            with suppress(ImportError):
                import_module(module)
        return {(file, line): times for file, line, times in told["lines"]}

    def _all(self, spots: list[Spot]) -> list[dict[str, Any]]:
        """One life for each spot, several at the same time."""
        homes = [self._home() for _ in spots]
        shares = [list(range(at, len(spots), self.workers)) for at in range(self.workers)]
        pids = [self._fork(lambda own=own: self._live(homes, spots, own)) for own in shares]
        for pid in pids:
            os.waitpid(pid, 0)
        return [json.loads((home / "life.json").read_text()) for home in homes]

    def _live(self, homes: list[Path], spots: list[Spot], own: list[int]) -> None:
        """Kill the run at its spot, then run it again until it gets through."""
        for at in own:
            home = homes[at]
            status = self._forked(lambda at=at: flow_process(homes[at], self.vendor, spots[at]))
            struck, reruns = os.WIFSIGNALED(status) and os.WTERMSIG(status) == KILL, 0
            while struck and reruns < MOST_RERUNS:
                reruns += 1
                self._forked(lambda at=at: flow_process(homes[at], self.vendor, None, traced=False))
                if not outcome_of(home).get("error"):
                    break
            told = outcome_of(home)
            (home / "life.json").write_text(json.dumps({"struck": struck, "reruns": reruns, **told}))

    def _home(self) -> Path:
        self.made += 1
        home = self.folder / f"{self.vendor.name}-{self.made}"
        home.mkdir()
        return home

    def _fork(self, work: Callable[[], object]) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)

    def _forked(self, work: Callable[[], object]) -> int:
        """The wait status of a child that did the work."""
        pid, end = self._fork(work), time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < end:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return status
            time.sleep(0.02 * HURRY)
        os.kill(pid, KILL)
        os.waitpid(pid, 0)
        return 0

    def _judge(self, cell: Cell, struck: list[tuple[Spot, dict[str, Any]]]) -> None:
        jobs = self.vendor.jobs()
        cell.kills = len(struck)
        cell.lines_hit = len({spot[0] for spot, _ in struck})
        for spot, told in struck:
            alive = jobs.get(told.get("job", ""), [])
            cell.reruns = max(cell.reruns, told["reruns"])
            cell.one_job += alive == ["succeeded"]
            cell.lost += not alive
            cell.doubled += len(alive) > 1
            cell.published_once += told.get("models") == 1 and told.get("jobs") == 1
            if told.get("error") or alive != ["succeeded"] or told.get("models") != 1:
                cell.wrong.append(f"{spot[0][0]}:{spot[0][1]} time {spot[1]}: {alive} {told}")


def flow_process(home: Path, vendor: Vendor, spot: Spot | None, traced: bool = True) -> None:
    """`fine_tune` on a dataset of this home's own; what came of it is left in outcome.json."""
    os.environ["LUTHIER_HOME"] = str(home)
    output = os.open(home / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    import launch
    from benchmarks.loopback_services import own_dataset
    from settings import settings
    from tasks.wiring import open_registry

    settings.cache_clear()
    registry = open_registry()
    recipe = {"base_model": BASES[vendor.name], "options": {"accept_retirement": True, "evaluate_on": 2}}
    parameters = {"dataset_id": own_dataset(registry, home).id, "recipe": recipe}
    tracer, error = Tracer(vendor.ports, spot), ""
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        if traced:
            tracer.start()
        try:
            launch.run("fine_tune", parameters)
        except Exception as fault:
            error = f"{type(fault).__name__}: {fault}"
            traceback.print_exc()
        tracer.stop()
    jobs = registry.jobs()
    told = {
        "error": error,
        "jobs": len(jobs),
        "job": jobs[0].id if jobs else "",
        "models": len(registry.models()),
        "modules": [
            name
            for name in sys.modules
            if name.startswith(("fastapi", "prefect.", "great_expect", "google."))
        ],
        "lines": [[*line, times] for line, times in tracer.until_last_call.items()],
    }
    (home / "outcome.json").write_text(json.dumps(told))


def outcome_of(home: Path) -> dict[str, Any]:
    path = home / "outcome.json"
    return dict(json.loads(path.read_text())) if path.exists() else {"error": "no outcome was left"}


def warm_up() -> None:
    """Import what a flow needs, and let waits run faster, before anything is forked."""
    for module in (
        "great_expectations",
        "flows.fine_tune",
        "providers.gemini.provider",
        "validation.validate",
    ):
        import_module(module)
    from providers import tokens
    from registry import submissions

    sleep = time.sleep
    time.sleep = lambda seconds: sleep(seconds / HURRY)
    # what goes by the clock runs faster too
    submissions.DOUBT /= HURRY
    tokens.o200k()


COLUMNS = {
    "vendor": "vendor", "faults": "faults", "kills": "kills", "lines": "lines", "lines hit": "lines_hit",
    "jobs: one": "one_job", "lost": "lost", "doubled": "doubled", "uploads repeated": "uploads_repeated",
    "published once": "published_once", "most reruns": "reruns",
}  # fmt: skip


HEAD = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}"


def row(cell: Cell) -> str:
    values = {**asdict(cell), "faults": f"{cell.faults:.0%}" if cell.faults else "none"}
    return f"| {' | '.join(str(values[name]) for name in COLUMNS.values())} |"


def main() -> None:
    asked = arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luthier-crashes-")))
        stack.enter_context(prefect_server(folder / "prefect"))
        vendors = [stack.enter_context(vendor_process(name)) for name in asked.vendors.split(",")]
        warm_up()
        # a run of hours may be cut off: every row is printed when it is known
        print("" if asked.json else f"{HEAD}\n", end="", flush=True)
        cells = []
        for vendor in vendors:
            matrix = Matrix(vendor, folder, asked.seed, asked.workers)
            for faults in map(float, asked.faults.split(",")):
                cells.append(finished(matrix.cell(asked.kills, faults)))
                print("" if asked.json else f"{row(cells[-1])}\n", end="", flush=True)
        if asked.json:
            print(json.dumps([asdict(cell) for cell in cells]))
        sys.exit(not all(cell.good for cell in cells))


def finished(cell_so_far: Iterator[Cell]) -> Cell:
    """The whole cell; how it grows, and what is wrong in it, is told on stderr."""
    told = 0
    for cell in cell_so_far:
        print(row(cell), f"after {cell.seconds:.0f} s", *cell.wrong[told:], sep="\n", file=sys.stderr)
        told = len(cell.wrong)
    return cell


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash_matrix", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="of each vendor, in each pass")
    parser.add_argument(
        "--faults", default="0,0.1", help="passes, each by the share of requests that fail in it"
    )
    parser.add_argument("--vendors", default="openai,gemini")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="flows at the same time")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
