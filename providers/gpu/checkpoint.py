"""The state from which a killed run goes on to the same result: one file, replaced atomically.

Order of the data and learning rate follow from the step, and there is no dropout, so weights, the optimiser's
moments and the losses so far are all of it.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch

from errors import TrainingFailed

MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class TrainingState:
    step: int = 0
    losses: list[float] = field(default_factory=list)  # one a step, nats a token
    tokens: int = 0  # read so far, as the rows have them
    seconds: float = 0.0  # spent training, over all processes


def save(
    path: Path,
    state: TrainingState,
    weights: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Raises TrainingFailed, and keeps the checkpoint before it, if a weight is not a finite number."""
    from safetensors.torch import save_file

    tensors = {f"weight/{name}": value.detach() for name, value in weights.items()}
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise diverged(state.step)
    for name, value in weights.items():
        moments = optimizer.state.get(value, {})
        tensors |= {f"{moment}/{name}": moments[moment] for moment in MOMENTS if moments}
    tensors["losses"] = torch.tensor(state.losses, dtype=torch.float64)
    about = {"step": state.step, "tokens": state.tokens, "seconds": state.seconds}
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file({name: value.cpu() for name, value in tensors.items()}, temporary, {"state": json.dumps(about)})
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def load(
    path: Path, weights: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer | None
) -> TrainingState:
    """Fill weights and optimiser from the checkpoint; a fresh state if there is none."""
    from safetensors import safe_open

    if not path.exists():
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
    return TrainingState(about["step"], losses, about["tokens"], about["seconds"])


def steps_done(path: Path) -> int:
    """Steps in the checkpoint, without reading its weights."""
    from safetensors import safe_open

    if not path.exists():
        return 0
    with safe_open(path, framework="pt") as file:
        return int(json.loads(file.metadata()["state"])["step"])


def diverged(step: int) -> TrainingFailed:
    return TrainingFailed(
        f"Training diverged at step {step}: loss or weights are no longer finite numbers.",
        "Train with a lower learning rate, for example a third of this one (--learning-rate).",
    )
