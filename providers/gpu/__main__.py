"""The trainer as a process: `python -m providers.gpu JOB_DIR`.

A job that several processes train starts the others as `follow JOB_DIR RANK`.
Also `python -m providers.gpu export-base BASE_MODEL FOLDER`, which writes a base model (the packaged one,
say) as a folder that `from_pretrained` reads; and `python -m providers.gpu answer JOB_DIR BASE_MODEL ADAPTER
OUT`, by which another model answers a job's holdout. Before any of them, `--json-logs RUN` has the log
written as JSON, with the id of that run.
"""

import errno
import gc
import logging
import sys
import warnings
from pathlib import Path

from safetensors import SafetensorError

from errors import LuthierError, TrainingFailed
from logs import about, on_stderr
from providers.gpu.device import NO_MEMORY
from providers.gpu.jobs import JobFolder
from providers.gpu.progress import NoSignal, Reporter, SilentReporter, Stopped, StopSignal

STOPPED = 143  # 128 + SIGTERM
# Of the machine, and of an architecture that nobody has trained here before: what isn't caught looks like a
# process that was killed, and is tried again in vain.
FAULTS = (
    *(OSError, RuntimeError, MemoryError, SafetensorError),
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError),
)


def run_job(path: Path) -> int:
    """Exit status of the process: 0 succeeded (or another process has the job), 143 stopped, else failed."""
    job = JobFolder(path)
    stop = StopSignal()
    stop.install()
    with job.locked() as mine:
        if not mine:
            logging.warning("Another process trains %s.", path)
            return 0
        report = Reporter(job)
        try:
            return _run(job, report, stop)
        except Stopped:
            kept = "a checkpoint is kept" if job.checkpoint.exists() else "nothing was trained yet"
            if job.called_off.exists():
                report.finish("cancelled", f"Stopped; {kept}.")
            else:
                ended = shut_down(kept)
                report.finish("failed", ended.message, ended.failure)
            return STOPPED
        except LuthierError as error:
            report.finish("failed", error.message, error.failure)
            return error.exit_code


def _run(job: JobFolder, report: Reporter, stop: StopSignal) -> int:
    report.say("Starting")
    from providers.gpu.run import Run

    try:
        # the job folder is HOME/jobs/LABEL
        Run(job, job.path.parent.parent, report, stop).all_stages()
    except FAULTS as error:
        logging.exception("The trainer failed.")
        raise in_plain_words(error) from error
    report.finish("succeeded", "The model is trained, compared with its base and saved.")
    return 0


def shut_down(kept: str) -> TrainingFailed:
    return TrainingFailed(
        f"The training process was told to end, as by a machine that shuts down; {kept}.",
        "`luthier jobs retry JOB` goes on with it.",
        transient=True,
    )


def follow(path: Path, rank: int) -> int:
    """Train along with the process that leads a job, which alone reports, saves and says when to stop."""
    job = JobFolder(path)
    stop = NoSignal()
    stop.install()
    from providers.gpu.run import Run
    from providers.gpu.training.peers import end_with

    end_with(sys.stdin.buffer)
    run = Run(job, job.path.parent.parent, SilentReporter(job), stop, rank)
    # a base that can't be loaded here is an end before its time, which the leader has to notice
    run.scorer  # noqa: B018
    try:
        run.join()
    except (Stopped, LuthierError) as error:
        # whatever ends all of them is told by the one that leads
        logging.info("Process %d ends: %r", rank, error)
    return 0


def in_plain_words(error: Exception) -> LuthierError:
    """Faults of the machine, told as what a person can do about them."""
    words = (str(error).strip().splitlines() or [type(error).__name__])[0]
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or "No space left" in words:
        return TrainingFailed(
            "The disk is full.",
            "Free some space; `luthier jobs retry JOB` goes on from the last checkpoint.",
        )
    short = isinstance(error, MemoryError) or "out of memory" in words.lower()
    if short or any(said in words for said in NO_MEMORY):
        return TrainingFailed(
            "The memory is too small for this base model.",
            "Take a smaller base model, shorter examples (option max_tokens) or 4 bits (option quantize).",
        )
    if isinstance(error, RuntimeError) and "CUDA" in words:
        return TrainingFailed(
            f"The GPU failed: {words}",
            "`luthier jobs retry JOB` goes on from the last checkpoint in a new process.",
            transient=True,
        )
    return TrainingFailed(f"The trainer failed: {words}", "The job's trainer.log tells more.")


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--json-logs", run, *arguments]:
            log_format = "json"
            about(run=run)
        case _:
            log_format = "text"
    handler = on_stderr(log_format, "%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)
    # what libraries will drop one day is of no use to a person, who reads the last words of a job that died
    warnings.simplefilter("ignore", FutureWarning)
    match arguments:
        case ["export-base", base_model, folder]:
            from providers.gpu import bases

            try:
                bases.export(base_model, Path(folder).expanduser())
            except LuthierError as error:
                print(error, file=sys.stderr)
                return error.exit_code
            return 0
        case ["answer", path, base_model, adapter, out]:
            from providers.gpu.answers import rival

            about(job=Path(path).name)
            try:
                rival.answer(JobFolder(Path(path)), base_model, Path(adapter), Path(out))
            except LuthierError as error:
                print(error, file=sys.stderr)
                return error.exit_code
            return 0
        case ["follow", path, rank]:
            about(job=Path(path).name)
            return follow(Path(path), int(rank))
        case [path] if (Path(path) / "job.json").exists():
            about(job=Path(path).name)
            return run_job(Path(path).absolute())
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    status = main(sys.argv[1:])
    gc.freeze()  # else the interpreter's last collection goes through all of torch
    sys.exit(status)
