"""The state from which a killed run goes on to the same result: one file, replaced atomically.

Order of the data and learning rate follow from the step, and there is no dropout, so weights, the optimiser's
moments, the losses so far and which examples are known are all of it.
"""

import json
import logging
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from errors import TrainingFailed

log = logging.getLogger(__name__)

MOMENTS = ("exp_avg", "exp_avg_sq")

# example -> the epoch in which it was last read, and the loss of its answers then, in nats
Readings = dict[int, tuple[int, float]]


@dataclass
class TrainingState:
    step: int = 0
    losses: list[float] = field(default_factory=list)  # one a step, nats a token
    holdout: list[tuple[int, float]] = field(default_factory=list)  # (step, nats a token), as measured
    best: int = 0  # the step whose adapter is kept, 0 before anything is measured
    steps: int = 0  # of the whole run, once it has ended; fewer may be done
    tokens: int = 0  # read so far, as the rows have them
    seconds: float = 0.0  # spent training, over all processes
    readings: Readings = field(default_factory=dict)


def save(
    path: Path,
    state: TrainingState,
    weights: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Raises TrainingFailed, and keeps the checkpoint before it, if a weight is not a finite number."""
    tensors = {f"weight/{name}": value.detach() for name, value in weights.items()}
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise diverged(state.step)
    for name, value in weights.items():
        moments = optimizer.state.get(value, {})
        tensors |= {f"{moment}/{name}": moments[moment] for moment in MOMENTS if moments}
    tensors["losses"] = torch.tensor(state.losses, dtype=torch.float64)
    read = [(example, *reading) for example, reading in state.readings.items()]
    tensors["readings"] = torch.tensor(read, dtype=torch.float64).reshape(-1, 3)
    about = {name: value for name, value in asdict(state).items() if name not in ("losses", "readings")}
    _write(path, tensors, {"state": json.dumps(about)})


def _write(path: Path, tensors: dict[str, torch.Tensor], about: dict[str, str]) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file({name: value.cpu() for name, value in tensors.items()}, temporary, about)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def keep_best(path: Path, weights: dict[str, torch.nn.Parameter], step: int) -> None:
    """The adapter with the lowest loss so far, beside the checkpoint.

    A run that goes on from an older checkpoint comes to the same step again, and writes the same file.
    """
    _write(_best(path), {name: value.detach() for name, value in weights.items()}, {"step": str(step)})


def take_best(path: Path, weights: dict[str, torch.nn.Parameter]) -> None:
    from safetensors import safe_open

    with safe_open(_best(path), framework="pt") as file, torch.no_grad():
        for name, value in weights.items():
            value.copy_(file.get_tensor(name))


def remove(path: Path) -> None:
    for file in (path, _best(path)):
        file.unlink(missing_ok=True)


def _best(path: Path) -> Path:
    return path.with_name("best.safetensors")


def load(
    path: Path, weights: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer | None
) -> TrainingState:
    """Fill weights and optimiser from the checkpoint; a fresh state if there is none."""
    from safetensors import safe_open

    if not _is_whole(path):
        return TrainingState()
    with safe_open(path, framework="pt") as file, torch.no_grad():
        about = json.loads(file.metadata()["state"])
        for name, value in weights.items():
            value.copy_(file.get_tensor(f"weight/{name}"))
            if optimizer is not None and about["step"]:
                moments = {moment: file.get_tensor(f"{moment}/{name}").to(value.device) for moment in MOMENTS}
                step = torch.tensor(float(about["step"]), device=value.device)
                optimizer.state[value] = {"step": step, **moments}
        losses = file.get_tensor("losses").tolist()
        # a checkpoint of an earlier version has none
        read = file.get_tensor("readings").tolist() if "readings" in file.keys() else []  # noqa: SIM118
    about["holdout"] = [(step, loss) for step, loss in about["holdout"]]
    readings = {int(example): (int(epoch), loss) for example, epoch, loss in read}
    return TrainingState(losses=losses, readings=readings, **about)


def steps_done(path: Path) -> int:
    """Steps in the checkpoint, without reading its weights."""
    return int(_about(path)["step"])


def has_ended(path: Path, steps: int) -> bool:
    """Whether the checkpoint is that of a run of so many steps that came to its end."""
    return bool(_about(path)["steps"] == steps)


def _about(path: Path) -> dict[str, Any]:
    from safetensors import safe_open

    if not _is_whole(path):
        return {"step": 0, "steps": 0}
    with safe_open(path, framework="pt") as file:
        about: dict[str, Any] = json.loads(file.metadata()["state"])
        return about


def _is_whole(path: Path) -> bool:
    """Whether there is a checkpoint. One that can't be read, as after a fault of the disk, is none: what it
    held is trained anew, to the same end."""
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return bool(file.metadata())
    except SafetensorError as error:
        log.warning("The checkpoint %s can't be read, so the training begins anew: %s", path, error)
        return False


def diverged(step: int) -> TrainingFailed:
    return TrainingFailed(
        f"Training diverged at step {step}: loss or weights are no longer finite numbers.",
        "Train with a lower learning rate, for example a third of this one (--learning-rate).",
    )
