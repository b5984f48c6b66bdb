"""The loss of a run as an SVG picture: every step, their running mean, and what was held out."""

from collections.abc import Sequence

from providers.gpu.training.checkpoint import TrainingState

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 40, 34
LINES = 4
WEIGHT = 0.9  # of the past in the running mean

Point = tuple[float, float]


def loss_picture(state: TrainingState) -> str:
    """Steps to the right, nats a token upwards. The same bytes for the same run."""
    steps = [(float(step), loss) for step, loss in enumerate(state.losses, 1)]
    held = [(float(step), loss) for step, loss in state.holdout]
    place = _Place(steps, held)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="12">',
        "<title>Loss by step, in training and on held-out examples</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        *place.grid(),
        place.line(steps, "#9db8dd", 1),
        place.line(_smooth(steps), "#1f5fb0", 2),
        place.line(held, "#c2410c", 2),
        *(f'<circle cx="{place.x(x)}" cy="{place.y(y)}" r="3" fill="#c2410c"/>' for x, y in held),
        *_legend(state),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


class _Place:
    def __init__(self, steps: Sequence[Point], held: Sequence[Point]):
        self.last = max([x for x, _ in steps], default=1.0)
        self.high = max([y for _, y in [*steps, *held]], default=1.0) or 1.0

    def x(self, step: float) -> float:
        return round(LEFT + (step - 1) / max(1.0, self.last - 1) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, loss: float) -> float:
        return round(HEIGHT - BOTTOM - loss / self.high * (HEIGHT - TOP - BOTTOM), 1)

    def line(self, points: Sequence[Point], colour: str, width: int) -> str:
        if len(points) < 2:
            return ""
        way = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)
        return f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    def grid(self) -> list[str]:
        made = []
        for number in range(LINES + 1):
            loss = self.high * number / LINES
            y = self.y(loss)
            made.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#e5e7eb"/>')
            made.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{loss:.2g}</text>')
        for step in sorted({1, *(round(1 + (self.last - 1) * part / LINES) for part in range(1, LINES + 1))}):
            made.append(f'<text x="{self.x(step)}" y="{HEIGHT - 12}" text-anchor="middle">{step}</text>')
        return made


def _smooth(points: Sequence[Point]) -> list[Point]:
    """An exponential mean, corrected for its start."""
    total = share = 0.0
    made = []
    for x, y in points:
        total, share = WEIGHT * total + (1 - WEIGHT) * y, WEIGHT * share + (1 - WEIGHT)
        made.append((x, total / share))
    return made


def _legend(state: TrainingState) -> list[str]:
    words = [("#1f5fb0", f"training, last step {state.losses[-1]:.3f}" if state.losses else "training")]
    if state.holdout:
        lowest = dict(state.holdout)[state.best]
        words.append(("#c2410c", f"held out, lowest {lowest:.3f} at step {state.best}, which is kept"))
    return [
        f'<text x="{LEFT + 200 * i}" y="22" fill="{colour}">{text}</text>'
        for i, (colour, text) in enumerate(words)
    ]
