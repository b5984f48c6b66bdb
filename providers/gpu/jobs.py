"""The folder of one training job: what is in it, and whether its process is alive. No torch here."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from pydantic import Field, ValidationError

import processes
from errors import LuthierError
from records import Answer, Event, Kind, Message, Progress, Recipe, Record, Severity, now

START_SECONDS = 60.0  # within which a process that was asked for must have shown itself


class JobSpec(Record):
    """job.json: all that the trainer needs to know."""

    label: str
    dataset_id: str
    kind: Kind
    recipe: Recipe  # complete: no field left to defaults


class TrainerState(Record):
    """progress.json: the progress, and the process that writes it (with its start, since pids are reused)."""

    progress: Progress
    pid: int | None = None
    process_started: str | None = Field(None, coerce_numbers_to_str=True)  # its birth; once a number
    updated_at: datetime


class TrainerResult(Record):
    """result.json, written last: what `outcome` reports."""

    base_name: str
    base_revision: str
    metrics: dict[str, float]


def write_atomically(path: Path, data: str | bytes, durable: bool = True) -> None:
    """Readers see the old content or the new one; if durable, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    temporary.replace(path)


@dataclass(frozen=True)
class JobFolder:
    path: Path

    @property
    def spec(self) -> Path:
        return self.path / "job.json"

    @property
    def train(self) -> Path:
        return self.path / "train.jsonl"

    @property
    def holdout(self) -> Path:
        return self.path / "holdout.jsonl"

    @property
    def progress(self) -> Path:
        return self.path / "progress.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "trainer.log"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint" / "state.safetensors"

    @property
    def answers(self) -> Path:
        return self.path / "answers.jsonl"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def meeting(self) -> Path:
        """Where processes that train together find each other."""
        return self.path / "meeting"

    @property
    def called_off(self) -> Path:
        """There while the trainer is to end and not to go on."""
        return self.path / "called-off"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    def read_spec(self) -> JobSpec:
        return JobSpec.model_validate_json(self.spec.read_bytes())

    def read_state(self) -> TrainerState | None:
        try:
            return TrainerState.model_validate_json(self.progress.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write_progress(self, progress: Progress) -> None:
        """From outside the trainer: no process belongs to it (yet, or any more)."""
        write_atomically(self.progress, TrainerState(progress=progress, updated_at=now()).model_dump_json())

    def add_event(
        self, message: str, level: Severity = "info", metrics: dict[str, float] | None = None
    ) -> None:
        event = Event(at=now(), level=level, message=message, metrics=metrics or {})
        with self.events.open("a", encoding="utf-8") as file:
            file.write(event.model_dump_json() + "\n")

    def read_events(self) -> list[Event]:
        return [Event.model_validate_json(line) for line in _whole_lines(self.events)]

    def read_answers(self) -> list[Answer]:
        return [Answer.model_validate_json(line) for line in _whole_lines(self.answers)]

    def read_result(self) -> TrainerResult | None:
        try:
            return TrainerResult.model_validate_json(self.result.read_bytes())
        except FileNotFoundError:
            return None

    def last_log_lines(self, count: int = 3) -> str:
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            lines = [_said(line.strip()) for line in file.read().decode("utf-8", "replace").splitlines()]
            return " / ".join([line for line in lines if line][-count:])
        return ""

    @contextlib.contextmanager
    def locked(self, patience: float = 2.0) -> Iterator[bool]:
        """Hold the lock of the one process that may train here; False if another one has it.

        The patience covers the instant in which `is_running` tests the lock.
        """
        with (self.path / "lock").open("a") as file:
            yield _lock(file.fileno(), fcntl.LOCK_EX, patience)

    def is_running(self) -> bool:
        try:
            with (self.path / "lock").open("a") as file:
                return not _lock(file.fileno(), fcntl.LOCK_SH, 0)
        except FileNotFoundError:
            return False

    def is_starting(self) -> bool:
        """Whether a process was asked for a moment ago and has not taken the lock yet."""
        state = self.read_state()
        return bool(
            state
            and state.pid is None
            and state.progress.status == "queued"
            and (now() - state.updated_at).total_seconds() < START_SECONDS
        )

    def process(self) -> psutil.Process | None:
        """The trainer's process, if it is alive and no other process has taken its pid."""
        state = self.read_state()
        if state is None or state.pid is None or not processes.lives(state.pid, state.process_started):
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(state.pid)
        return None


def _lock(descriptor: int, kind: int, patience: float) -> bool:
    give_up = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= give_up:
                return False
            time.sleep(0.05)


def _whole_lines(path: Path) -> list[str]:
    """The lines of a JSONL file that may just be growing; a torn line (a kill, a full disk) is left out."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    lines = []
    for line in text.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            json.loads(line)
            lines.append(line)
    return lines


def failed(error: LuthierError, progress: Progress | None) -> Progress:
    """Progress that tells of an error; the steps done stay visible."""
    done = progress or Progress(status="failed")
    return done.but(
        status="failed", message=error.message, failure=error.failure.model_dump(), estimated_finish=None
    )


def parsed(line: str) -> list[Message]:
    """One line of a dataset: `{"messages": [...]}`."""
    return [Message.model_validate(message) for message in json.loads(line)["messages"]]


def messages_of(path: Path) -> Iterator[list[Message]]:
    with path.open(encoding="utf-8") as file:
        yield from (parsed(line) for line in file if line.strip())


def _said(line: str) -> str:
    """What a line of trainer.log says, also where it is JSON."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return str(json.loads(line)["message"])
    return line
