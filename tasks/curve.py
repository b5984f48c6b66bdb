"""The course of a training as a picture made of letters, which Prefect's pages show as it is."""

import logging
import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from errors import LuthierError
from records import Event, Job
from tasks.artifacts import show_markdown
from tasks.wiring import provider_named

log = logging.getLogger("luthier.wait")

# under which the vendors and own hardware report them
TRAINED = ("loss", "train_loss", "training_loss")
HELD_OUT = ("valid_loss", "validation_loss", "full_valid_loss", "eval_loss", "holdout_loss")
ROWS, COLUMNS = 10, 60
BARS = " ▁▂▃▄▅▆▇█"


def show_training(job: Job) -> None:
    """Of a job that has ended. Where its events can't be had, nothing is shown and nothing fails."""
    try:
        events = provider_named(job.provider).events(job.remote_id or "")
    except LuthierError as error:
        log.info("The course of %s is not shown: %s", job.id, error.message)
        return
    if text := training_markdown(events):
        show_markdown("training", text, f"Training of {job.name}")


def training_markdown(events: Sequence[Event]) -> str:
    """What became of the loss, and its curve; empty with fewer than two points."""
    trained, held_out = _course(events, TRAINED), _course(events, HELD_OUT)
    if len(trained) < 2:
        return ""
    said = f"**Loss {trained[0]:.3f} → {trained[-1]:.3f}**"
    if held_out:
        said += f", lowest on held-out examples: {min(held_out):.3f}"
    steps = [event.metrics["step"] for event in events if "step" in event.metrics]
    last = f"step {max(steps):,.0f}" if steps else f"{len(trained)} epochs"
    return "\n".join([f"{said}.", "", "```", *_picture(trained, last), "```"])


def _course(events: Sequence[Event], names: Sequence[str]) -> list[float]:
    found = [next((event.metrics[name] for name in names if name in event.metrics), None) for event in events]
    return [loss for loss in found if loss is not None and math.isfinite(loss)]


def _picture(losses: Sequence[float], last: str) -> list[str]:
    """Bars from 0 to the highest, each the mean of the measurements that fall to it, or a part of one's."""
    width = min(COLUMNS, len(losses))
    cuts = [len(losses) * number // width for number in range(width + 1)]
    means = [max(0.0, fmean(losses[start:end])) for start, end in pairwise(cuts)]
    means = [mean for mean in means for _ in range(COLUMNS // width)]
    high = max(means) or 1.0
    heights = [round(mean / high * ROWS * 8) for mean in means]
    labels = {ROWS - 1: f"{high:.2f}", 0: "0.00"}
    size = len(labels[ROWS - 1])
    lines = []
    for row in reversed(range(ROWS)):
        bars = "".join(BARS[min(8, max(0, height - 8 * row))] for height in heights)
        lines.append(f"{labels.get(row, ''):>{size}} │{bars}".rstrip())
    return [*lines, f"{'':>{size}} └{last:─>{len(means)}}"]
