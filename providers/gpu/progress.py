"""How the trainer's process tells the others where it is, and how they stop it."""

import math
import os
import signal
import time
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from statistics import fmean
from types import FrameType
from typing import TYPE_CHECKING

import processes
from providers.gpu.jobs import JobFolder, TrainerState, write_atomically
from records import Failure, Progress, Severity, now

if TYPE_CHECKING:
    from providers.gpu.training.checkpoint import TrainingState

EVERY_SECONDS = 1.0
SPEED_OVER_STEPS = 20
POINTS = 40  # of a curve in progress.json


class Stopped(BaseException):
    """The process was asked to stop. No Exception, so that nothing on the way takes it for a fault."""


class StopSignal:
    """SIGTERM and SIGINT. Raises `Stopped` where it arrives, or, while `patient`, at the next `check`.

    Patience is for stretches after which there is something to save: an optimiser's step must not be torn.
    """

    def __init__(self) -> None:
        self.patient = False
        self.requested = False

    def install(self) -> None:
        for kind in (signal.SIGTERM, signal.SIGINT):
            signal.signal(kind, self._arrived)

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if not self.patient:
            raise Stopped

    def check(self) -> None:
        if self.requested:
            raise Stopped


class NoSignal(StopSignal):
    """Of a process that another one leads, and tells when to stop."""

    def install(self) -> None:
        for kind in (signal.SIGTERM, signal.SIGINT):
            signal.signal(kind, signal.SIG_IGN)


def thinned(losses: Sequence[float]) -> list[list[float]]:
    """[step, mean loss] of at most POINTS stretches of equal length; the last may be shorter."""
    width = math.ceil(len(losses) / POINTS) or 1
    parts = [losses[i : i + width] for i in range(0, len(losses), width)]
    return [[min(i * width + width, len(losses)), round(fmean(part), 4)] for i, part in enumerate(parts)]


class Reporter:
    """Writes progress.json about once a second, and the events."""

    def __init__(self, job: JobFolder):
        self.job = job
        self._born = processes.birth(os.getpid())
        state = job.read_state()
        self._progress = (state.progress if state else Progress(status="queued")).but(
            status="in_progress", failure=None, estimated_finish=None
        )
        self._written = 0.0
        self._pace: deque[tuple[float, int, int]] = deque(maxlen=SPEED_OVER_STEPS)

    def say(self, message: str, **changes: object) -> None:
        """A new message, written at once."""
        self._progress = self._progress.but(message=message, **changes)
        self._write()

    def update(self, message: str) -> None:
        """A new message that may wait for its second."""
        self._progress = self._progress.but(message=message)
        if time.monotonic() - self._written >= EVERY_SECONDS:
            self._write()

    def trained(self, state: "TrainingState", steps: int, epoch: float, loss: float, rate: float) -> None:
        """A step is done."""
        self._pace.append((time.monotonic(), state.step, state.tokens))
        (then, first, read), (here, last, all_read) = self._pace[0], self._pace[-1]
        passed = max(here - then, 1e-9)
        metrics = {"loss": loss, "learning_rate": rate, "epoch": epoch}
        if state.holdout:
            metrics["holdout_loss"] = state.holdout[-1][1]
        if last > first:
            metrics["tokens_per_second"] = (all_read - read) / passed
            left = timedelta(seconds=(steps - last) * passed / (last - first))
            self._progress = self._progress.but(estimated_finish=now() + left)
        self._progress = self._progress.but(
            step=state.step,
            steps=steps,
            metrics=metrics,
            losses=thinned(state.losses),
        )
        self.update("Training")

    def measured(self, state: "TrainingState", epoch: float, epochs: int, figures: dict[str, float]) -> None:
        """What an epoch, or a part of one, has brought."""
        self._progress = self._progress.but(
            holdout_losses=[[step, round(held, 4)] for step, held in state.holdout[-POINTS:]]
        )
        held = f", held out {figures['holdout_loss']:.4f}" if "holdout_loss" in figures else ""
        message = f"Epoch {round(epoch, 2):g} of {epochs}: loss {figures['loss']:.4f}{held}."
        self.event(message, metrics=figures)

    def event(self, message: str, level: Severity = "info", metrics: dict[str, float] | None = None) -> None:
        self.job.add_event(message, level, metrics)

    def finish(self, status: str, message: str, failure: Failure | None = None, **changes: object) -> None:
        fields = failure.model_dump() if failure else None
        self.event(message, "error" if failure else "info")
        self.say(message, status=status, failure=fields, estimated_finish=None, **changes)

    def _write(self) -> None:
        state = TrainerState(
            progress=self._progress,
            pid=os.getpid(),
            process_started=self._born,
            updated_at=now(),
        )
        write_atomically(self.job.progress, state.model_dump_json(), durable=False)
        self._written = time.monotonic()


class SilentReporter(Reporter):
    """Of a process that trains along with the one that reports."""

    def event(self, message: str, level: Severity = "info", metrics: dict[str, float] | None = None) -> None:
        pass

    def _write(self) -> None:
        pass
