"""The processes that train one adapter together, each on a device of its own; by default there is only one.

Each computes its share of a step's rows, and the sums of their gradients are the step's: what one process
would have computed, up to rounding. All take the same steps, so all hold the same adapter; the first of them
reports, saves, evaluates and exports.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, TypeVar

import torch
import torch.distributed as dist

from providers.gpu.device import is_out_of_memory
from providers.gpu.jobs import JobFolder
from providers.gpu.progress import Stopped

T = TypeVar("T")
ROOT = Path(__file__).parents[3]
LOADING = timedelta(minutes=30)  # that a process may take to load its base, or to come to the end of a step
ENDING_SECONDS = 30


@dataclass(frozen=True)
class Peers:
    """`rank` of this process, from 0, among `count`."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def share(self, lengths: Sequence[int]) -> list[int]:
        """This process's part of rows of so many tokens, by index; about as many tokens as the others'."""
        order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
        return order[self.rank :: self.count] if self.count > 1 else list(range(len(lengths)))

    def together(self, work: Callable[[], T]) -> T:
        """What `work` gives here, if it came to its end everywhere.

        Raises what happened to any of the processes: Stopped, or else torch.OutOfMemoryError.
        """
        if self.count == 1:
            return work()
        met: BaseException | None = None
        try:
            made = work()
        except Stopped as error:
            met = error
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            met = error
        level = torch.tensor(0 if met is None else 2 if isinstance(met, Stopped) else 1, device=_device())
        dist.all_reduce(level, dist.ReduceOp.MAX)
        if int(level) == 2:
            raise Stopped from met
        if int(level) == 1:
            raise torch.OutOfMemoryError("One of the processes ran out of memory.") from met
        return made

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put the sum over all processes into each tensor. All have one dtype."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.flatten().to(_device()) for tensor in tensors])
        dist.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))


ALONE = Peers()


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


@contextlib.contextmanager
def joined(job: JobFolder, rank: int, count: int, device: str) -> Iterator[Peers]:
    """Meet the others at a file of the job's folder; each must come, with its base loaded."""
    if count == 1:
        yield ALONE
        return
    if device != "cpu":
        torch.cuda.set_device(device)
    backend = "gloo" if device == "cpu" else "nccl"
    place = f"file://{job.meeting}"
    dist.init_process_group(backend, init_method=place, rank=rank, world_size=count, timeout=LOADING)
    try:
        yield Peers(rank, count)
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def followed(job: JobFolder, count: int, lost: Callable[[int], None]) -> Iterator[None]:
    """Start the other processes of a job, and let none outlive this one.

    `lost(status)` is called, from another thread, if one ends before its time: whoever computes with it would
    wait for ever.
    """
    job.meeting.unlink(missing_ok=True)
    ending = threading.Event()
    command = [sys.executable, "-m", "providers.gpu", "follow", str(job.path)]
    # an open pipe says that this process lives
    processes = [
        subprocess.Popen([*command, str(rank)], cwd=ROOT, stdin=subprocess.PIPE) for rank in range(1, count)
    ]

    def watch(process: "subprocess.Popen[bytes]") -> None:
        status = process.wait()
        if status and not ending.is_set():
            lost(status)

    for process in processes:
        threading.Thread(target=watch, args=(process,), daemon=True).start()
    try:
        yield
    except RuntimeError:
        # what a process says that has lost the other; the loss is the cause, and is told
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if status := process.wait(ENDING_SECONDS / count):
                    lost(status)
        raise
    finally:
        ending.set()
        for process in processes:
            if process.stdin:
                process.stdin.close()
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDING_SECONDS)
            process.kill()
            process.wait()


def end_with(leader: IO[bytes]) -> None:
    """End this process as soon as the one at the other end of the pipe has."""

    def watch() -> None:
        leader.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
