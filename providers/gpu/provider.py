"""Own hardware as a vendor like the others: a job is a folder and a process of its own.

Imports no torch: the trainer's process does, and `chat` when it is first used.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, ClassVar

import fsspec
import psutil
from pydantic import BaseModel, ValidationError

from errors import InvalidData, NotFound, TrainingFailed, Unavailable
from providers.gpu import bases, checks, options
from providers.gpu.device import ENVIRONMENT, described
from providers.gpu.jobs import JobFolder, JobSpec, failed, write_atomically
from providers.gpu.options import planned
from providers.gpu.template import Template
from records import (
    ENDED,
    Answer,
    ChatOptions,
    Dataset,
    Event,
    Example,
    Finding,
    Message,
    Outcome,
    Piece,
    Progress,
    Recipe,
    TokenCount,
    Turn,
)

ROOT = Path(__file__).parents[2]
CANCEL_SECONDS = 15.0

# Processes that this one started, so that their exit status can be learned (and they don't stay as zombies).
_children: dict[Path, subprocess.Popen[bytes]] = {}


class Gpu:
    """The own-hardware provider; keeps jobs under `home/jobs` and tokenizers under `home/cache`."""

    name: ClassVar[str] = "gpu"
    Options: ClassVar[type[BaseModel]] = options.Options
    resumes: ClassVar[bool] = True
    chats_with: ClassVar[frozenset[str]] = frozenset(
        {
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "response_format",
        }
    )

    def __init__(self, home: Path, log_format: str = "text", run: str = ""):
        """`log_format`: of its jobs' trainer.log, text or json; `run`: who asks, to be told there."""
        self.home = Path(home).expanduser().absolute()
        surroundings = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        self.trainer = ["env", *surroundings, sys.executable, "-m", "providers.gpu"]
        if log_format == "json":
            self.trainer += ["--json-logs", run]

    def greet(self) -> str:
        return described()

    def plan(self, dataset: Dataset, recipe: Recipe) -> Recipe:
        return planned(recipe, _examples(dataset), dataset.kind)

    def admit(self, recipe: Recipe) -> None:
        """Raises InvalidData for unknown options, NotConfigured if the base model can't be had."""
        self._options(recipe)
        bases.config(bases.find(recipe.base_model))

    def check(self, dataset: Dataset, recipe: Recipe) -> list[Finding]:
        """Raises NotConfigured if the base model can't be had, InvalidData for unknown options."""
        self._options(recipe)
        return checks.findings(dataset, self.plan(dataset, recipe), self.home / "cache")

    def measure(self, base_model: str, examples: Iterable[Example]) -> Iterator[TokenCount]:
        """Of the row of the last answer; `trainable` counts all answers.

        Both are 0 for a dialogue that the base's template refuses.
        """
        base = bases.find(base_model)
        template = Template(bases.tokenizer_folder(base, self.home / "cache"))
        limit = bases.row_limit(base, options.Options())
        for example in examples:
            yield checks.token_count(template, example.messages, limit)

    def start(self, dataset: Dataset, recipe: Recipe, label: str) -> str:
        """Start, or go on from the last checkpoint; a job that runs or is done is left alone."""
        job = JobFolder(self.home / "jobs" / label)
        if not job.spec.exists():
            self._fill(job, dataset, recipe, label)
        state = job.read_state()
        if job.result.exists() and state and state.progress.status == "succeeded":
            return label
        if state and state.progress.status in ENDED:
            _let_go(job)
        if job.is_running() or (job.is_starting() and not self._has_died(job)):
            return label
        self._launch(job)
        return label

    def _fill(self, job: JobFolder, dataset: Dataset, recipe: Recipe, label: str) -> None:
        """The job folder is complete as soon as job.json is there."""
        chosen = self._options(recipe)
        settings = options.completed(chosen, recipe.base_model, dataset.kind, _examples(dataset))
        complete = self.plan(dataset, recipe).but(options=settings.model_dump())
        job.path.mkdir(parents=True, exist_ok=True)
        for uri, path in ((dataset.train_uri, job.train), (dataset.holdout_uri, job.holdout)):
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            with _opened(uri) as source, temporary.open("wb") as target:
                shutil.copyfileobj(source, target)
            temporary.replace(path)
        spec = JobSpec(label=label, dataset_id=dataset.id, kind=dataset.kind, recipe=complete)
        write_atomically(job.spec, spec.model_dump_json(indent=2))

    def _options(self, recipe: Recipe) -> options.Options:
        try:
            return options.Options.model_validate(recipe.options)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InvalidData(
                f"The options of own hardware don't fit: {wrong}.",
                f"Known options: {', '.join(options.Options.model_fields)}.",
            ) from error

    def _launch(self, job: JobFolder) -> None:
        job.called_off.unlink(missing_ok=True)
        before = job.read_state()
        fresh = before.progress if before else Progress(status="queued")
        job.write_progress(
            fresh.but(status="queued", message="Waiting for the trainer", failure=None, estimated_finish=None)
        )
        with job.log.open("ab") as log:
            _children[job.path] = subprocess.Popen(
                [*self.trainer, str(job.path)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def find(self, label: str) -> str | None:
        return label if JobFolder(self.home / "jobs" / label).spec.exists() else None

    def poll(self, remote_id: str) -> Progress:
        job = self._job(remote_id)
        state = job.read_state()
        if state and state.progress.status in ENDED:
            return state.progress
        if job.is_running() or (job.is_starting() and not self._has_died(job)):
            return state.progress if state else Progress(status="queued")
        # it may have ended properly since the first look
        state = job.read_state()
        if state and state.progress.status in ENDED:
            return state.progress
        return failed(self._silent_death(job), state.progress if state else None)

    def poll_all(self, remote_ids: Collection[str]) -> dict[str, Progress]:
        return {remote_id: self.poll(remote_id) for remote_id in remote_ids}

    def _has_died(self, job: JobFolder) -> bool:
        child = _children.get(job.path)
        return child is not None and child.poll() is not None

    def _silent_death(self, job: JobFolder) -> TrainingFailed:
        child = _children.get(job.path)
        status = child.poll() if child else None
        how = f"with status {status}" if status else "without a word"
        if status is not None and status < 0:
            how = f"by signal {signal.Signals(-status).name}"
            if status == -signal.SIGKILL:
                how += ", as the system does when memory runs out"
        lines = job.last_log_lines()
        said = f" Its last words: {lines}" if lines else ""
        return TrainingFailed(
            f"The training process ended {how}.{said}",
            f"`luthier jobs retry {job.path.name}` goes on from the last checkpoint.",
            transient=True,
        )

    def events(self, remote_id: str) -> list[Event]:
        return self._job(remote_id).read_events()

    def cancel(self, remote_id: str) -> None:
        """Stop the process; a checkpoint stays, and `start` under the same label goes on from it."""
        job = self._job(remote_id)
        process = self._process(job)
        if process:
            job.called_off.touch()
            _end(process)
        state = job.read_state()
        if state is None or state.progress.status not in ENDED:
            stopped = state.progress if state else Progress(status="cancelled")
            job.write_progress(stopped.but(status="cancelled", message="Stopped.", estimated_finish=None))

    def _process(self, job: JobFolder) -> psutil.Process | None:
        child = _children.get(job.path)
        if child and child.poll() is None:
            return psutil.Process(child.pid)
        return job.process()

    def outcome(self, remote_id: str) -> Outcome:
        """Raises TrainingFailed if the job has not succeeded."""
        job = self._job(remote_id)
        result = job.read_result()
        if result is None or not job.adapter.exists():
            raise TrainingFailed("The job has made no model yet.", f"See `luthier jobs show {remote_id}`.")
        folder = str(job.adapter)
        return Outcome(
            reference=folder,
            folder=folder,
            base_name=result.base_name,
            base_revision=result.base_revision,
            metrics=result.metrics,
        )

    def answers(self, remote_id: str, dataset: Dataset, recipe: Recipe) -> list[Answer]:
        """Losses for the whole holdout; both texts are empty beyond the number that was to be answered."""
        return self._job(remote_id).read_answers()

    def rival_answers(self, remote_id: str, base_model: str, reference: str) -> list[Answer]:
        """The job's answers with those of another own model, read anew on the same questions, as `base`.

        In a process of its own, whose memory is free again for the next training. Raises TrainingFailed.
        """
        job = self._job(remote_id)
        out = job.path / "rival.jsonl"
        command = [*self.trainer, "answer", str(job.path), base_model, reference]
        with job.log.open("ab") as log:
            made = subprocess.run(
                [*command, str(out)], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if made.returncode:
            raise TrainingFailed(
                f"The version before could not answer the new questions: {job.last_log_lines(1)}",
                f"The whole story is in {job.log}.",
            )
        return [Answer.model_validate_json(line) for line in out.read_bytes().splitlines()]

    def chat(
        self, base_model: str, reference: str, messages: Sequence[Turn], options: ChatOptions
    ) -> Iterator[Piece]:
        """`reference` is the folder of an adapter over the base model, or the base model's own id."""
        from providers.gpu.answers.speakers import speaker

        plain = [message for message in messages if isinstance(message, Message)]
        yield from speaker(base_model, reference, self.home).stream(plain, options)

    def _job(self, remote_id: str) -> JobFolder:
        job = JobFolder(self.home / "jobs" / remote_id)
        if not job.spec.exists():
            raise NotFound(f"There is no training job '{remote_id}' on this machine.", "See `luthier jobs`.")
        return job


def _examples(dataset: Dataset) -> int:
    return dataset.report.train or checks.count_lines(dataset.train_uri)


@contextlib.contextmanager
def _opened(uri: str) -> Iterator[IO[bytes]]:
    try:
        with fsspec.open(uri, "rb") as file:
            yield file
    except FileNotFoundError as error:
        raise NotFound(f"The dataset's file {uri} is gone.", "Prepare the dataset again.") from error
    except OSError as error:
        raise Unavailable(f"The dataset's file {uri} can't be read: {error}.", "Try again later.") from error


def _let_go(job: JobFolder) -> None:
    """Wait for a process that has told its end and is about to come to it."""
    give_up = time.monotonic() + CANCEL_SECONDS
    while job.is_running() and time.monotonic() < give_up:
        time.sleep(0.05)


def _end(process: psutil.Process) -> None:
    """SIGTERM, to the whole group if the trainer leads one; then SIGKILL if it has not listened."""
    with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
        send = os.killpg if os.getpgid(process.pid) == process.pid else os.kill
        send(process.pid, signal.SIGTERM)
        give_up = time.monotonic() + CANCEL_SECONDS
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > give_up:
                send(process.pid, signal.SIGKILL)
            time.sleep(0.1)
