"""What the command line prints: one JSON document on stdout, or tables; steps and progress on stderr."""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from pydantic import BaseModel
from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import records
from errors import LuthierError
from logs import Lines, on_stderr
from settings import settings

# in a file or a pipe a sentence stays one line, so that it can be searched for
out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
err = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
BARS = "▁▂▃▄▅▆▇█"


def as_configured() -> None:
    """What is said on stderr becomes lines of JSON, where the settings want that."""
    if settings().log_format == "json":
        told: Any = Lines("luthier.cli", on_stderr("json", ""))
        # nothing is wrapped, so a sentence stays one line
        err.file, err.width = told, 100_000


STATUS_NAMES: dict[records.Status, str] = {
    "queued": "Queued",
    "validating_files": "Validating files",
    "in_progress": "In progress",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
FAILURE_NAMES = {
    "not_configured": "Not configured",
    "not_enough_data": "Not enough data",
    "invalid_data_format": "Invalid data format",
    "provider_refused": "Refused by the provider",
    "context_length_exceeded": "Too long",
    "provider_error": "Provider error",
    "training_failed": "Training failed",
    "not_found": "Not found",
    "usage": "Wrong usage",
}


class WrongUsage(LuthierError):
    """What was typed leaves something out, or does not fit together."""

    code, exit_code, http_status = "usage", 2, 400


def plain(value: Any) -> Any:
    """JSON-ready data."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value


def print_json(value: Any) -> None:
    print(json.dumps(plain(value), ensure_ascii=False, indent=2))


def error_document(error: LuthierError) -> dict[str, Any]:
    body = {"code": error.code, "message": error.message, "hint": error.hint}
    if error.report:
        body["report"] = plain(error.report)
    return {"error": body}


def print_error(error: LuthierError) -> None:
    name = FAILURE_NAMES.get(error.code, "Error")
    message = error.message.removeprefix(f"{name}: ")
    err.print(f"[bold red]{name}:[/] {escape(message)}")
    if error.hint:
        err.print(f"  {escape(error.hint)}")


class StepHandler(logging.Handler):
    """Prints the steps' log lines as they come, and a bar for records that carry a `progress`."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=err,
            transient=True,
        )
        self.task = self.bar.add_task("Training", total=None, figures="")
        self.told = -1

    def emit(self, record: logging.LogRecord) -> None:
        progress: records.Progress | None = getattr(record, "progress", None)
        if progress:
            self.show(progress)
        elif record.levelno >= logging.INFO:
            style = "yellow" if record.levelno >= logging.WARNING else "default"
            err.print(f"[{style}]• {escape(record.getMessage())}[/]")

    def show(self, progress: records.Progress) -> None:
        if not err.is_terminal:
            self.tell(progress)
            return
        if progress.status in records.ENDED:
            self.bar.stop()
            return
        self.bar.start()
        self.bar.update(
            self.task,
            description=progress.message or STATUS_NAMES[progress.status],
            total=progress.steps or None,
            completed=progress.step,
            figures=figures(progress),
        )

    def tell(self, progress: records.Progress) -> None:
        """Without a terminal: a line for each quarter of the way."""
        quarter = 4 * progress.step // progress.steps if progress.steps else 0
        if quarter > self.told:
            self.told = quarter
            err.print(f"  {progress.message}  {figures(progress)}".rstrip())

    def close(self) -> None:
        if self.bar.live.is_started:
            self.bar.stop()
        super().close()


def sparkline(values: Sequence[float], width: int = 12) -> str:
    """The course of values as bars, the highest full; at most `width` of them, each a mean."""
    if len(values) < 2 or max(values) <= 0:
        return ""
    size = -(-len(values) // width)
    means = [fmean(values[i : i + size]) for i in range(0, len(values), size)]
    high = max(means)
    return "".join(BARS[min(len(BARS) - 1, int(max(0.0, mean) / high * len(BARS)))] for mean in means)


def figures(progress: records.Progress) -> str:
    parts = [f"{progress.step}/{progress.steps}"] if progress.steps else []
    if "loss" in progress.metrics:
        course = sparkline([loss for _, loss in progress.losses])
        parts.append(f"loss {course}{' ' if course else ''}{progress.metrics['loss']:.3f}")
    if "holdout_loss" in progress.metrics:
        parts.append(f"held out {progress.metrics['holdout_loss']:.3f}")
    if "tokens_per_second" in progress.metrics:
        parts.append(f"{progress.metrics['tokens_per_second']:,.0f} tokens/s")
    return "  ".join(parts)


def follow_steps() -> StepHandler:
    """Print what the steps log from now on."""
    handler = StepHandler()
    logger = logging.getLogger("luthier")
    logger.addHandler(on_stderr("json", "") if settings().log_format == "json" else handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    return handler


def table(
    title: str, *columns: str, rows: Sequence[Sequence[object]], to: Console = out, dense: bool = False
) -> None:
    """`dense`: many columns in few characters. A first column of ids, which are copied, stays on one line."""
    box, padding = (SIMPLE_HEAD, (0, 1, 0, 0)) if dense else (HEAVY_HEAD, (0, 1))
    made = Table(title=title, title_justify="left", title_style="bold", box=box, padding=padding)
    are_ids = not any(" " in str(row[0]) for row in rows)
    for at, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=at == 0 and are_ids)
    for row in rows:
        made.add_row(*(escape(str(cell)) for cell in row))
    to.print(made, soft_wrap=False)
