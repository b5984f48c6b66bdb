"""The runner with real processes that do what a test asks of them instead of running a flow."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import processes
from launch.recorded import command, run_log
from records import ENDED, Failure, Progress, Recipe, now
from registry.runs import Run
from web.runner import Runner

ROOT = Path(__file__).parents[2]
ANOTHER = f"{processes.place()}.1"  # a process of this machine, started a second after its boot
ELSEWHERE = "elsewhere.1"
# what a run's process tells the registry; argv: url, home, run id
CHILD = """
import os, sys, time
from pathlib import Path
from registry import Registry
import processes
registry = Registry(sys.argv[1], Path(sys.argv[2]), "")
pid = os.getpid()
for run_id in sys.argv[3:]:
    registry.update_run(run_id, pid=pid, pid_started=processes.birth(pid))
"""
BEHAVIOURS = {
    "succeed": "[registry.update_run(run_id, status='succeeded') for run_id in sys.argv[3:]]",
    "hang": "time.sleep(300)",
    "die": "sys.exit('no memory left')",
    "deaf": """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(300)
""",
}


class Stage:
    """Starts scripted processes for runs and notes in which order."""

    def __init__(self, shop) -> None:
        self.shop, self.does, self.started = shop, "succeed", []
        self.processes: list[subprocess.Popen[bytes]] = []
        self.runner = self.new_runner()

    def new_runner(self) -> Runner:
        """As a restarted server makes it."""
        runner = Runner(self.shop.settings, self.shop.registry, detach=self.detach)
        self.shop.work.runner = runner
        return runner

    def detach(self, run_ids: Sequence[str], log: Path) -> int:
        registry = self.shop.registry
        log.parent.mkdir(parents=True, exist_ok=True)
        arguments = [registry.url, str(registry.home), *run_ids]
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD + BEHAVIOURS[self.does], *arguments],
            cwd=ROOT,
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.processes.append(process)
        self.started += run_ids
        return process.pid

    def run(self, provider: str = "gpu", flow: str = "fine_tune", **fields) -> Run:
        made = Run(
            account="owner",
            flow=flow,
            name="Shelves",
            use_case="Name the shelf",
            base_model="smollm2-135m",
            provider=provider,
            parameters={"sources": ["/nowhere"], "recipe": Recipe().model_dump(mode="json")},
            **fields,
        )
        return self.shop.registry.add_run(made)

    def until(self, run: Run, holds: Callable[[Run], object]) -> Run:
        """Tick until it holds."""
        for _ in range(600):
            self.runner.tick()
            found = self.shop.registry.run(run.id)
            if holds(found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"never came true: {found}")


@pytest.fixture
def stage(shop) -> Iterator[Stage]:
    made = Stage(shop)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()


def ended(run: Run) -> bool:
    return run.status in ENDED


def alive(run: Run) -> bool:
    return bool(run.pid and processes.lives(run.pid, run.pid_started))


def test_own_hardware_trains_one_model_at_a_time_in_order(stage):
    stage.does = "hang"
    first, second, hosted = stage.run(), stage.run(), stage.run("openai")
    stage.until(first, alive)
    assert stage.started == [first.id, hosted.id]
    os.killpg(stage.shop.registry.run(first.id).pid, signal.SIGKILL)
    stage.shop.registry.update_run(first.id, status="failed")
    stage.until(second, alive)
    assert stage.started == [first.id, hosted.id, second.id]


def test_a_run_that_succeeded_is_not_started_again(stage):
    run = stage.until(stage.run(), ended)
    stage.runner.tick()
    assert (run.status, len(stage.started)) == ("succeeded", 1)


def test_a_process_that_dies_without_a_word_is_started_again_a_few_times(stage):
    stage.does = "die"
    run = stage.until(stage.run(), ended)
    assert (run.status, len(stage.started)) == ("failed", 3)
    assert run.failure.code == "training_failed"
    assert "no memory left" in run.failure.message


def test_a_process_that_has_ended_before_it_is_looked_at_is_started_again_a_few_times_too(stage):
    def ended_at_once(run_ids: Sequence[str], log: Path) -> int:
        stage.started += run_ids
        process = subprocess.Popen(["true"])
        process.wait()
        return process.pid

    stage.runner.detach = ended_at_once
    assert stage.until(stage.run(), ended).status == "failed"
    assert len(stage.started) == 3


def test_after_a_restart_what_still_runs_is_adopted(stage):
    stage.does = "hang"
    run = stage.until(stage.run(), alive)
    stage.runner = stage.new_runner()
    for _ in range(3):
        stage.runner.tick()
    assert stage.shop.registry.run(run.id).pid == run.pid
    assert len(stage.started) == 1


def test_after_a_restart_what_died_meanwhile_starts_again(stage):
    stage.does = "hang"
    run = stage.until(stage.run(), alive)
    os.killpg(run.pid, signal.SIGKILL)
    stage.does = "succeed"
    stage.runner = stage.new_runner()
    assert stage.until(run, ended).status == "succeeded"
    assert stage.started == [run.id, run.id]


def test_a_process_id_that_another_program_got_is_not_taken_for_the_run(stage):
    run = stage.run()
    stage.shop.registry.update_run(
        run.id, pid=os.getpid(), pid_started=ANOTHER, starts=1, status="in_progress"
    )
    assert stage.until(run, ended).status == "succeeded"
    assert stage.started == [run.id]


@pytest.mark.parametrize("does", ["hang", "deaf"])
def test_a_cancelled_run_is_stopped_and_stays_so(does, stage, monkeypatch):
    monkeypatch.setattr("web.runner.GRACE_SECONDS", 0.5)
    stage.does = does
    run = stage.until(stage.run(), alive)
    log = run_log(stage.runner.settings.root, run.id)
    while does == "deaf" and b"ready" not in log.read_bytes():
        time.sleep(0.02)
    entry = stage.shop.work.cancel(stage.shop.registry.owner(), run.id)
    assert entry.run.status == "cancelled"
    assert not alive(run)
    stage.runner.tick()
    assert len(stage.started) == 1


def test_a_retry_starts_it_again(stage):
    stage.does = "die"
    owner = stage.shop.registry.owner()
    run = stage.until(stage.run(), ended)
    stage.does = "succeed"
    assert stage.shop.work.retry(owner, run.id).status == "queued"
    assert stage.until(run, ended).status == "succeeded"


def test_only_one_of_two_servers_carries_out_runs(stage):
    other = stage.new_runner()
    assert stage.runner.leads()
    assert not other.leads()
    stage.runner.close()
    assert other.leads()
    other.close()


def test_a_job_of_the_command_line_is_shown_but_never_started(stage, finish):
    registry = stage.shop.registry
    entry = finish(registry.owner())
    job = registry.add_job(entry.job.but(id="job-00000000000000aa", status="in_progress"))
    card = stage.shop.work.card(registry.owner(), job.id)
    assert (card.run.status, card.run.elsewhere) == ("in_progress", True)
    stage.runner.tick()
    assert stage.started == []
    registry.update_job(job.id, status="failed")
    stage.runner.tick()
    assert registry.run(card.run.id).status == "failed"


def test_a_deleted_model_is_removed_for_good_after_a_while(stage, finish):
    registry = stage.shop.registry
    entry = finish(registry.owner())
    stage.shop.work.delete(registry.owner(), entry.run.id)
    stage.runner.tick()
    assert registry.model(entry.model.id), "it can be undone"
    registry.update_run(entry.run.id, deleted_at=now().replace(year=2020))
    stage.new_runner().tick()
    assert registry.models() == []
    assert stage.shop.work.cards(registry.owner()) == []


def test_a_job_that_was_submitted_is_not_prepared_again(stage, finish):
    entry = finish(stage.shop.registry.owner())
    hosted = {"to_the_end": False}
    assert command(entry.run, entry.job) == ("fine_tune", {**entry.run.parameters, **hosted})
    submitted = entry.job.but(remote_id="ftjob-remote")
    assert command(entry.run, submitted) == ("finish_job", {"job_id": entry.job.id, **hosted})


def of_another_machine(stage) -> Runner:
    """A second server's runner, with a home of its own on the same registry."""
    root = stage.shop.settings.root.with_name("another-home")
    return Runner(
        stage.shop.settings.model_copy(update={"home": root}), stage.shop.registry, detach=stage.detach
    )


def test_a_run_stays_with_the_machine_that_started_it(stage):
    stage.does = "hang"
    run = stage.until(stage.run(), alive)
    other = of_another_machine(stage)
    # as the other machine sees it, which has no such process
    stage.shop.registry.update_run(run.id, pid_started=ELSEWHERE)
    other.tick()
    assert len(stage.started) == 1


def test_a_run_whose_machine_is_gone_is_taken_over(stage):
    stage.does = "hang"
    run = stage.until(stage.run(), alive)
    stage.shop.registry.update_run(run.id, pid_started=ELSEWHERE, held_until=now().replace(year=2020))
    stage.does, stage.runner = "succeed", of_another_machine(stage)
    assert stage.until(run, ended).status == "succeeded"
    assert stage.started == [run.id, run.id]


def test_a_run_that_another_machine_cancelled_is_stopped_where_it_runs(stage):
    stage.does = "hang"
    run = stage.until(stage.run(), alive)
    stage.runner.tick()
    stage.shop.registry.update_run(run.id, status="cancelled")
    stage.runner.tick()
    assert not alive(run)


RACER = """
import subprocess, sys
from pathlib import Path
from registry import Registry
from settings import Settings
from web.runner import Runner

url, home, started = sys.argv[1:]
registry = Registry(url, Path(home), "")

def detach(run_ids, log):
    for run_id in run_ids:
        with open(started, "a") as sink:
            sink.write(run_id + "\\n")
        registry.update_run(run_id, status="succeeded")
    done = subprocess.Popen(["true"])
    done.wait()
    return done.pid

runner = Runner(Settings(home=Path(home), database_url=url, _env_file=None), registry, detach=detach)
print("ready", flush=True)
sys.stdin.readline()
while registry.runs(statuses=("queued", "validating_files", "in_progress")):
    runner.tick()
"""


def test_two_runners_race_for_a_hundred_runs_and_each_is_started_once(stage, tmp_path):
    registry, started = stage.shop.registry, tmp_path / "started"
    runs = [stage.run("openai") for _ in range(100)]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, registry.url, str(tmp_path / name), str(started)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in ("one", "two")
    ]
    stage.processes += racers
    assert [racer.stdout.readline() for racer in racers] == [b"ready\n"] * 2
    for racer in racers:
        racer.stdin.write(b"\n")
        racer.stdin.flush()
    assert [racer.wait(timeout=120) for racer in racers] == [0, 0]
    assert sorted(started.read_text().split()) == sorted(run.id for run in runs)
    places = {registry.run(run.id).place.rpartition("/")[2] for run in runs}
    assert places == {"one", "two"}, "both did some of it"


def trained_at(vendor, stage, finish, seed: int, **progress) -> Run:
    """A run whose job OpenAI has, and which no process works on."""
    registry = stage.shop.registry
    entry = finish(registry.owner(), f"Shelves {seed}")
    at_vendor = {"status": "in_progress", "remote_id": f"ftjob-{seed}", "progress": Progress(**progress)}
    job = registry.add_job(entry.job.but(id=f"job-{seed:016}", **at_vendor))
    return stage.run("openai", job_id=job.id, status="in_progress")


def test_a_run_whose_job_is_with_its_vendor_needs_no_process(stage, vendor, finish):
    waiting = trained_at(vendor, stage, finish, 1, status="in_progress", message="Training at OpenAI.")
    vendor.fault("GET", "/fine_tuning/jobs", times=1000, status=500)
    stage.does = "hang"
    others = [stage.run("openai") for _ in range(3)]
    stage.runner.tick()
    assert stage.started == [run.id for run in others], "those that wait don't keep others from submitting"
    assert stage.shop.registry.run(waiting.id).status == "in_progress"


def test_what_was_trained_is_published_by_few_processes(stage, vendor, finish):
    runs = [trained_at(vendor, stage, finish, seed, status="succeeded") for seed in range(4)]
    stage.until(runs[-1], ended)
    assert sorted(stage.started) == sorted(run.id for run in runs)
    assert len(stage.processes) == 1


def test_what_was_in_a_process_that_died_goes_on_in_smaller_company(stage, vendor, finish):
    runs = [trained_at(vendor, stage, finish, seed, status="succeeded") for seed in range(12)]
    stage.does = "die"
    stage.runner.tick()
    (first,) = stage.processes
    first.wait()
    stage.does = "succeed"
    for run in runs:
        stage.until(run, ended)
    assert len(stage.processes) == 3, "twelve, then ten and two"


def test_a_job_that_failed_at_its_vendor_fails_its_run_and_is_not_bought_again(stage, vendor, finish):
    run = trained_at(vendor, stage, finish, 1, status="in_progress")
    failure = Failure(code="training_failed", message="It failed.", hint="")
    stage.shop.registry.update_job(run.job_id, status="failed", failure=failure)
    found = stage.until(run, ended)
    assert (found.status, found.failure, stage.started) == ("failed", failure, [])


def test_a_process_that_submitted_its_job_ends_and_the_run_goes_on(stage, vendor, finish):
    run = trained_at(vendor, stage, finish, 1, status="in_progress")
    vendor.fault("GET", "/fine_tuning/jobs", times=1000, status=500)
    stage.shop.registry.update_run(run.id, pid=os.getpid(), pid_started=ANOTHER)
    for _ in range(5):
        stage.runner.tick()
    found = stage.shop.registry.run(run.id)
    assert (found.status, found.pid, stage.started) == ("in_progress", None, [])
