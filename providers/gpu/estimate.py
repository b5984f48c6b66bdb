"""What a job will take: parameters, memory and minutes, before anything is loaded. No torch here."""

from pathlib import Path
from typing import Any, NamedTuple

from providers.gpu.device import free_memory, has_bfloat16, usable_processors


def weight_bytes(config: dict[str, Any]) -> float:
    """Of a dense model in bfloat16, from its configuration."""
    return 2.0 * parameters(config)


def parameters(config: dict[str, Any]) -> float:
    """Of a dense decoder with gated feed-forward layers; an estimate for others."""
    hidden, layers = config.get("hidden_size", 0), config.get("num_hidden_layers", 0)
    heads = config.get("num_attention_heads", 1)
    head = config.get("head_dim") or hidden // max(heads, 1)
    attention = hidden * head * (2 * heads + 2 * config.get("num_key_value_heads", heads))
    experts = config.get("num_experts") or config.get("num_local_experts") or 1
    width = config.get("intermediate_size", 0)
    if experts > 1:
        width = config.get("moe_intermediate_size", width)
    vocabulary = config.get("vocab_size", 0) * hidden * (1 if config.get("tie_word_embeddings") else 2)
    return float(layers * (attention + 3 * hidden * width * experts) + vocabulary)


class Estimate(NamedTuple):
    minutes: float
    memory: float  # bytes
    available: float


# Multiply-adds a second and processor that a whole training step was measured to reach.
PACE = {"bfloat16": 0.06e12, "float32": 0.015e12}


def of_training(config: dict[str, Any], tokens: float, bfloat16: bool) -> Estimate | None:
    """On processors; None where there is a GPU, whose speed and memory can't be told from outside.

    `tokens` are all that are computed. Each costs two multiply-adds a parameter: one forward, one back to its
    input. Memory: weights, activations of 768 tokens, and 1.5 GB of libraries and slack.
    """
    if Path("/dev/nvidiactl").exists():
        return None
    half = bfloat16 and has_bfloat16() and config.get("dtype", config.get("torch_dtype")) != "float32"
    size = parameters(config)
    activations = 768 * config.get("hidden_size", 0) * config.get("num_hidden_layers", 0) * 55
    memory = (size + activations) * (2 if half else 4) + 1.5e9
    pace = PACE["bfloat16" if half else "float32"] * usable_processors()
    return Estimate(2 * size * tokens / pace / 60, memory, free_memory())
