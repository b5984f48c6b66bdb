"""Processes that train one adapter together, on this machine's processor."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
import torch

from providers.gpu.provider import Gpu
from providers.gpu.training.peers import Peers
from records import Dataset, Message, Progress, Recipe

T = TypeVar("T")
ENDED = ("succeeded", "failed", "cancelled")
MakeDataset = Callable[[list[list[Message]], list[list[Message]]], Dataset]


@pytest.fixture
def gpu(tmp_path: Path) -> Gpu:
    return Gpu(tmp_path / "home")


@pytest.fixture
def by_two(recipe: Recipe) -> Recipe:
    options = {"processes": 2, "threads": 2, "batch_examples": 3, "checkpoint_seconds": 0}
    return recipe.but(epochs=3, options=recipe.options | options)


@pytest.fixture
def long(by_two: Recipe) -> Recipe:
    """Five hundred steps."""
    return by_two.but(epochs=50, options=by_two.options | {"batch_examples": 1})


def until(look: Callable[[], T | None], seconds: float = 240) -> T:
    give_up = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    return found


def ended(gpu: Gpu, label: str) -> Progress:
    return until(lambda: found if (found := gpu.poll(label)).status in ENDED else None)


def follower_of(gpu: Gpu, label: str, beyond: int) -> psutil.Process:
    """The second process of a job that has come further than that step."""

    def look() -> psutil.Process | None:
        leader, progress = gpu._job(label).process(), gpu.poll(label)
        children = leader.children() if leader and (progress.step or 0) > beyond else []
        return children[0] if children else None

    return until(look)


def test_rows_are_shared_out_whole_and_evenly() -> None:
    lengths = [9, 2, 7, 3, 8]
    parts = [Peers(rank, 2).share(lengths) for rank in range(2)]
    assert sorted(row for part in parts for row in part) == [0, 1, 2, 3, 4]
    loads = [sum(lengths[row] for row in part) for part in parts]
    assert abs(loads[0] - loads[1]) <= 9


def test_two_processes_learn_what_one_does(
    gpu: Gpu, by_two: Recipe, make_dataset: MakeDataset, parcels: list[list[Message]]
) -> None:
    from safetensors.torch import load_file

    dataset = make_dataset(parcels[:10], parcels[10:])
    # whatever was read once is known: each process has to learn what the other found
    resting = by_two.options | {"known_at": 1e-9}
    for label, count in (("one", 1), ("two", 2)):
        gpu.start(dataset, by_two.but(epochs=5, options=resting | {"processes": count}), label)
        assert ended(gpu, label).status == "succeeded"
    # of ten examples the last step of an epoch has one: one of the two has nothing to compute then
    one, two = (gpu.poll(label) for label in ("one", "two"))
    assert (one.step, one.losses) != (0, [])
    assert [step for step, _ in two.losses] == [step for step, _ in one.losses]
    assert [loss for _, loss in two.losses] == pytest.approx([loss for _, loss in one.losses], rel=1e-3)
    weights = [load_file(gpu._job(label).adapter / "adapter_model.safetensors") for label in ("one", "two")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-2, atol=1e-3)
    told = [event.message for event in gpu.events("two")]
    assert any("by 2 processes" in message for message in told)
    assert len(told) == len(set(told)), "an event was told twice"


def test_a_process_that_dies_ends_the_job_and_the_next_goes_on_until_it_is_cancelled(
    gpu: Gpu, long: Recipe, make_dataset: MakeDataset, parcels: list[list[Message]]
) -> None:
    dataset = make_dataset(parcels[:10], [])
    gpu.start(dataset, long, "job")
    follower_of(gpu, "job", beyond=2).kill()
    died = ended(gpu, "job")
    assert died.status == "failed" and died.failure and died.failure.transient
    assert "One of the 2 processes" in died.message

    gpu.start(dataset, long, "job")
    follower = follower_of(gpu, "job", beyond=died.step or 0)
    assert any("Going on from step" in event.message for event in gpu.events("job"))
    gpu.cancel("job")
    assert gpu.poll("job").status == "cancelled"
    follower.wait(60)


def test_no_process_outlives_the_one_that_leads(
    gpu: Gpu, long: Recipe, make_dataset: MakeDataset, parcels: list[list[Message]]
) -> None:
    gpu.start(make_dataset(parcels[:10], []), long, "job")
    follower = follower_of(gpu, "job", beyond=2)
    leader = gpu._job("job").process()
    assert leader
    os.kill(leader.pid, signal.SIGKILL)
    follower.wait(60)
    assert gpu.poll("job").status == "failed"
