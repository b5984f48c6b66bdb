"""What waiting for hosted jobs costs: `python -m benchmarks.waiting [--jobs 1000] [--minutes 3]`.

That many jobs are submitted to a loopback vendor by its real SDK, each with a run in the registry, as if they
had been ordered in the dashboard, and `luthier serve` looks after them. While the vendor goes on training
them, processes and requests are counted. Then all jobs end at once, and are measured and published.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from benchmarks.loopback_services import Vendor, ask, own_dataset, vendor_process
from benchmarks.table import figures
from records import Job, Recipe
from registry import Registry
from registry.runs import Run
from settings import quiet_dependencies

BASES = {"openai": "gpt-4.1-mini-2025-04-14", "gemini": "gemini-3.5-flash"}
LONGEST_SECONDS = 3 * 3600.0


@dataclass
class Waited:
    """Figures of the processes that waited, from `watched` to `published`."""

    jobs: int
    minutes: float = 0.0
    processes: int = 0  # the most that there were at once
    megabytes: float = 0.0
    cpu_seconds_a_minute: float = 0.0
    requests_a_minute: float = 0.0
    published_seconds: float = 0.0
    quarters: list[float] = field(default_factory=list)  # seconds that each quarter of the models took
    models: int = 0
    lost: int = 0
    doubled: int = 0


def submitted(registry: Registry, home: Path, vendor: Vendor, count: int) -> list[Job]:
    """So many jobs of one dataset, in training at the vendor."""
    from tasks.submit import submitted_once
    from tasks.wiring import polling, provider_named

    dataset, provider = own_dataset(registry, home), provider_named(vendor.name)
    options = {"accept_retirement": True, "evaluate_on": 2}
    made = []
    for seed in range(count):
        recipe = Recipe(base_model=BASES[vendor.name], epochs=1, seed=seed, options=options)
        id = Job.id_for(dataset.id, recipe, 1)
        job = registry.add_job(
            Job(id=id, name=f"Shelves {seed}", provider=vendor.name, dataset_id=dataset.id, recipe=recipe)
        )
        remote_id = submitted_once(job, provider, registry)
        deadline = polling().deadline()
        made.append(registry.update_job(job.id, status="in_progress", remote_id=remote_id, deadline=deadline))
    return made


def ordered(registry: Registry, jobs: list[Job]) -> None:
    """A run of the owner's for each job, its process gone since the vendor has the job."""
    owner = registry.owner().id
    for job in jobs:
        parameters = {"dataset_id": job.dataset_id, "name": job.name, "recipe": job.recipe.model_dump()}
        registry.add_run(
            Run(
                account=owner, flow="fine_tune", name=job.name, use_case="Name the shelf of a thing.",
                base_model=job.recipe.base_model, provider=job.provider, parameters=parameters,
                status=job.status, dataset_id=job.dataset_id, job_id=job.id,
            )
        )  # fmt: skip


@contextmanager
def serving(home: Path) -> Iterator[psutil.Process]:
    """`luthier serve` on a free port."""
    command = [str(Path(sys.executable).with_name("luthier")), "serve", "--port", "0", "--json"]
    with (home / "serve.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert server.stdout is not None
        try:
            if not server.stdout.readline():
                raise SystemExit((home / "serve.log").read_text())
            yield psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait(30)


def watched(process: psutil.Process, vendor: Vendor, minutes: float, told: Waited) -> None:
    """Count while nothing but waiting is to be done, from after the start on."""
    time.sleep(10)
    begun, requests, busy = time.monotonic(), requests_of(vendor), cpu_seconds(process)
    while time.monotonic() < begun + 60 * minutes:
        family = [process, *process.children(recursive=True)]
        told.processes = max(told.processes, len(family))
        told.megabytes = max(told.megabytes, process.memory_info().rss / 2**20)
        time.sleep(0.25)
    told.minutes = (time.monotonic() - begun) / 60
    told.requests_a_minute = (requests_of(vendor) - requests) / told.minutes
    told.cpu_seconds_a_minute = (cpu_seconds(process) - busy) / told.minutes


def published(registry: Registry, vendor: Vendor, jobs: list[Job], told: Waited) -> None:
    """Let all jobs end, and wait until each has its model."""
    ask(f"{vendor.urls[0]}/_control/pace", {"seconds": 0})
    begun, marks = time.monotonic(), [len(jobs) * quarter // 4 for quarter in (1, 2, 3, 4)]
    times: list[float] = []
    while len(times) < len(marks) and time.monotonic() < begun + LONGEST_SECONDS:
        time.sleep(1)
        done = len(registry.jobs("succeeded"))
        while len(times) < len(marks) and done >= marks[len(times)]:
            times.append(time.monotonic() - begun)
            print(f"{done} published after {times[-1]:.0f} s", file=sys.stderr)
        if failed := registry.jobs("failed"):
            raise SystemExit(f"{len(failed)} jobs failed: {failed[0].failure}")
    told.published_seconds = time.monotonic() - begun
    told.quarters = [end - start for start, end in zip([0.0, *times], times, strict=False)]
    there = vendor.jobs()
    told.models = len(registry.models())
    told.lost = sum(not there.get(job.id) for job in jobs)
    told.doubled = sum(len(there.get(job.id, [])) > 1 for job in jobs)


def requests_of(vendor: Vendor) -> int:
    return len(ask(f"{vendor.urls[0]}/_control/log"))


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def table(told: Waited) -> str:
    rows = {
        "jobs waiting": f"{told.jobs:,}",
        "minutes": f"{told.minutes:.1f}",
        "processes, at most": f"{told.processes}",
        "its memory": f"{told.megabytes:.0f} MB",
        "its CPU": f"{told.cpu_seconds_a_minute:.1f} s a minute",
        "requests to the vendor": f"{told.requests_a_minute:.1f} a minute",
        "until all are measured and published": f"{told.published_seconds:.0f} s",
        "each quarter of them": ", ".join(f"{seconds:.0f} s" for seconds in told.quarters),
        "models": f"{told.models:,}",
        "jobs lost, doubled": f"{told.lost}, {told.doubled}",
    }
    return figures(rows)


def main() -> None:
    asked = arguments()
    told = Waited(asked.jobs)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luthier-waiting-")))
        os.environ["LUTHIER_HOME"] = str(home)
        vendor = stack.enter_context(vendor_process(asked.vendor))
        ask(f"{vendor.urls[0]}/_control/pace", {"seconds": 10**9})
        # the trial's pace is quicker than what a person gets
        os.environ.pop("LUTHIER_POLL_SECONDS")
        quiet_dependencies(embedded=True)
        from tasks.wiring import open_registry

        registry = open_registry()
        jobs = submitted(registry, home, vendor, asked.jobs)
        ordered(registry, jobs)
        watched(stack.enter_context(serving(home)), vendor, asked.minutes, told)
        print(table(told), file=sys.stderr, flush=True)
        published(registry, vendor, jobs, told)
    print(json.dumps(asdict(told)) if asked.json else table(told))
    sys.exit(not (told.processes == 1 and told.models == told.jobs and not told.lost and not told.doubled))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waiting", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=3.0, help="how long to count before the jobs end")
    parser.add_argument("--vendor", choices=["openai", "gemini"], default="openai")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
