"""The loss curve of a job, from its events, as the paths of an inline SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from records import Event
from web.pages.cards import loss_of

WIDTH, HEIGHT = 760, 240
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 30
SMOOTHED_FROM = 30  # points, from which on the raw line is faded behind a smoothed one
HELD_OUT = ("valid_loss", "validation_loss", "full_valid_loss", "eval_loss", "holdout_loss")

Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Curve:
    raw: str
    train: str
    held_out: str
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    first: float
    last: float
    unit: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    floor: int = HEIGHT - BOTTOM


def loss_curve(events: Sequence[Event]) -> Curve | None:
    """None with fewer than two points: there is no curve to draw."""
    by_step = any("step" in event.metrics for event in events)
    points = _points(by_step, [(event, loss_of(event.metrics)) for event in events])
    if len(points) < 2:
        return None
    held = _points(by_step, [(event, _held_out(event)) for event in events])
    ys = [y for _, y in points + held]
    low, high = min(0.0, *ys), max(ys) * 1.05 or 1.0
    xs = [x for x, _ in points + held]
    place = _Place(min(xs), max(xs), low, high)
    smooth = _smoothed(points) if len(points) >= SMOOTHED_FROM else points
    return Curve(
        raw=place.path(points) if smooth is not points else "",
        train=place.path(smooth),
        held_out=place.path(held) if len(held) > 1 else "",
        rows=tuple(Tick(place.y(value), f"{value:.2g}") for value in _round_steps(low, high)),
        columns=tuple(Tick(place.x(value), f"{value:,.0f}") for value in _whole_steps(min(xs), max(xs))),
        first=points[0][1],
        last=points[-1][1],
        unit="step" if by_step else "epoch",
    )


def _held_out(event: Event) -> float | None:
    return next((event.metrics[name] for name in HELD_OUT if name in event.metrics), None)


def _points(by_step: bool, values: Sequence[tuple[Event, float | None]]) -> list[Point]:
    """Without steps, the points are numbered as they come: an event an epoch."""
    found = [(event, value) for event, value in values if value is not None and value == value]
    if by_step:
        return [(event.metrics["step"], value) for event, value in found if "step" in event.metrics]
    return [(float(number), value) for number, (_, value) in enumerate(found, 1)]


def _smoothed(points: Sequence[Point], weight: float = 0.85) -> list[Point]:
    """An exponential mean, corrected for its start."""
    mean, share, smooth = 0.0, 0.0, []
    for x, y in points:
        mean = weight * mean + (1 - weight) * y
        share = weight * share + (1 - weight)
        smooth.append((x, mean / share))
    return smooth


@dataclass(frozen=True)
class _Place:
    first: float
    last: float
    low: float
    high: float

    def x(self, value: float) -> float:
        span = (self.last - self.first) or 1.0
        return round(LEFT + (value - self.first) / span * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return round(HEIGHT - BOTTOM - (value - self.low) / span * (HEIGHT - TOP - BOTTOM), 1)

    def path(self, points: Sequence[Point]) -> str:
        return "M" + " L".join(f"{self.x(x)} {self.y(y)}" for x, y in points)


def _round_steps(low: float, high: float, about: int = 4) -> list[float]:
    """Round values from low to high: a step of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    return [round(number * step, 6) for number in range(math.ceil(low / step), int(high / step) + 1)]


def _whole_steps(first: float, last: float, most: int = 8) -> list[float]:
    count = max(1, int(min(most, last - first)))
    return [
        float(value)
        for value in sorted({round(first + n * (last - first) / count) for n in range(count + 1)})
    ]
