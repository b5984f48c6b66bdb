"""The trainer's process without its imports: a fork of a process that has made them already."""

import os
import resource
import sys
from multiprocessing import get_context
from pathlib import Path

import psutil

from providers.gpu.__main__ import run_job
from providers.gpu.jobs import JobFolder
from providers.gpu.provider import Gpu
from records import Progress

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["providers.gpu.run", "peft", "transformers.models.qwen3.modeling_qwen3"])


def main(path: Path, room: int | None = None) -> None:
    """`room`: bytes that it may take beyond what it holds at its start."""
    os.setsid()
    if room:
        most = psutil.Process().memory_info().vms + room
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with (path / "trainer.log").open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.exit(run_job(path))


class ForkingGpu(Gpu):
    """Gpu, but for how its processes come into being."""

    def __init__(self, home: Path, room: int | None = None):
        super().__init__(home)
        self.processes: list = []
        self.room = room

    def _launch(self, job: JobFolder) -> None:
        job.write_progress(Progress(status="queued"))
        self.processes.append(self.fork(job))

    def fork(self, job: JobFolder):  # type: ignore[no-untyped-def]
        process = CONTEXT.Process(target=main, args=(job.path, self.room))
        process.start()
        return process
