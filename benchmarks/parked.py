"""What parked runs cost beside a Prefect server: `python -m benchmarks.parked [--runs 200] [--minutes 4]`.

So many runs of finish-job wait for jobs that OpenAI's SDK has submitted to a loopback vendor; one worker, all
of what `luthier deploy` makes, its schedules on. Processes and requests are counted while the vendor goes on
training. In the middle of it the server is killed and started again. Then all jobs end at once, and each run
is woken, measures its model and publishes it.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from benchmarks.loopback_services import Vendor
from benchmarks.table import figures
from benchmarks.waiting import submitted
from records import Job, now
from tests.hosted import BASES
from tests.vendors.life import Pace
from tests.vendors.openai_vendor import OpenAIVendor
from tests.workplace import Workplace

LOOK_SECONDS = 0.25
LONGEST_SECONDS = 3 * 3600.0


@dataclass
class Parked:
    """Figures of the minutes of waiting, then of the end. Processes are those that run flows, chores too."""

    runs: int
    minutes: float = 0.0
    without: float = 0.0  # share of the time without a process that runs a flow
    processes: int = 0  # the most at once
    requests_a_minute: float = 0.0
    server_away_seconds: float = 0.0
    completed: int = 0
    minutes_to_complete: float = 0.0
    models: int = 0
    jobs_at_vendor: int = 0


def parked(place: Workplace, jobs: list[Job]) -> list[str]:
    """A run for each job, in the state in which it waits without a process."""
    deployment = place.deployment("finish-job/hosted")["id"]
    until = (now() + timedelta(days=7)).isoformat()
    state = {"type": "SCHEDULED", "name": "WaitingForProvider", "state_details": {"scheduled_time": until}}
    runs = []
    for job in jobs:
        asked = {"parameters": {"job_id": job.id}, "state": state}
        run = place.ask("POST", f"/deployments/{deployment}/create_flow_run", json=asked)["id"]
        place.registry.carry(run, job.id, parked=True)
        runs.append(str(run))
    return runs


def watched(place: Workplace, vendor: OpenAIVendor, minutes: float, told: Parked) -> None:
    begun, requests, counts = time.monotonic(), len(vendor.log), []
    end, restart = begun + 60 * minutes, begun + 30 * minutes
    while time.monotonic() < end:
        if restart and time.monotonic() > restart:
            away, restart = time.monotonic(), 0.0
            place.stop_server()
            place.start_server()
            told.server_away_seconds = time.monotonic() - away
        counts.append(len(flows_of(place)))
        time.sleep(LOOK_SECONDS)
    told.minutes = (time.monotonic() - begun) / 60
    told.processes, told.without = max(counts), counts.count(0) / len(counts)
    told.requests_a_minute = (len(vendor.log) - requests) / told.minutes
    print(json.dumps(asdict(told)), file=sys.stderr, flush=True)


def flows_of(place: Workplace) -> list[int]:
    """The flows that processes of this machine run now for the worker."""
    (worker,) = place.workers
    return [child.pid for child in psutil.Process(worker.pid).children()]


def ended(place: Workplace, runs: list[str], told: Parked) -> None:
    begun, mine = time.monotonic(), set(runs)
    while time.monotonic() < begun + LONGEST_SECONDS:
        states = [run["state"]["type"] for run in place.runs() if run["id"] in mine]
        if states.count("COMPLETED") != told.completed:
            told.completed = states.count("COMPLETED")
            print(f"{told.completed} after {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        if all(state in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") for state in states):
            break
        time.sleep(5)
    told.minutes_to_complete = (time.monotonic() - begun) / 60


def table(told: Parked) -> str:
    rows = {
        "runs parked": f"{told.runs}",
        "minutes": f"{told.minutes:.1f}",
        "processes that run flows, at most": f"{told.processes}",
        "of the time there is none": f"{told.without:.0%}",
        "requests to the vendor": f"{told.requests_a_minute:.1f} a minute",
        "server killed and away": f"{told.server_away_seconds:.0f} s",
        "completed": f"{told.completed}, after {told.minutes_to_complete:.0f} minutes",
        "models, jobs at the vendor": f"{told.models}, {told.jobs_at_vendor}",
    }
    return figures(rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parked", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=4.0, help="how long to count before the jobs end")
    parser.add_argument("--at-once", type=int, default=2, help="flows that the worker runs at the same time")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    told = Parked(asked.runs)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="luthier-parked-")))
        vendor = stack.enter_context(OpenAIVendor(pace=Pace(polls=10**9), checked=False))
        settings = {
            "OPENAI_BASE_URL": f"{vendor.url}/v1",
            "OPENAI_API_KEY": "sk-loopback",
            "LUTHIER_BASES_FILE": str(BASES),
        }
        place = stack.enter_context(Workplace(folder, **settings))
        os.environ.update({**settings, "LUTHIER_HOME": str(place.home)})
        jobs = submitted(place.registry, place.home, Vendor("openai", [vendor.url]), asked.runs)
        place.deploy(paused=())
        runs = parked(place, jobs)
        place.start_worker(limit=asked.at_once)
        time.sleep(10)
        watched(place, vendor, asked.minutes, told)
        vendor.pace.seconds = 0
        ended(place, runs, told)
        told.models = len(place.registry.models())
        told.jobs_at_vendor = len(vendor.jobs)
    print(json.dumps(asdict(told)) if asked.json else table(told))
    sys.exit(not (told.completed == told.models == told.jobs_at_vendor == told.runs))


if __name__ == "__main__":
    main()
