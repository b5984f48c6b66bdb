"""The LoRA adapter: put on a base, kept as tensors, saved as others load it."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from errors import TrainingFailed
from providers.gpu.bases import Base
from providers.gpu.options import Options
from records import Recipe

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


# As peft has it, which refuses the first two.
MAMBA = {"falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h"}
IN_KERNELS = {"out_proj", "conv1d", "dt_proj"}


def attach(model: "PreTrainedModel", recipe: Recipe, options: Options) -> "PeftModel":
    """A fresh adapter on the linear layers of the top, but not on the output head; the same for a seed."""
    from peft import LoraConfig, get_peft_model

    layers = model.config.get_text_config().num_hidden_layers
    first = layers - math.ceil(layers * (options.top_layers or 1.0))
    config = LoraConfig(
        r=recipe.rank or 16,
        lora_alpha=options.alpha,
        lora_dropout=0.0,
        bias="none",
        target_modules=linear_layers(model),
        layers_to_transform=list(range(first, layers)) if first else None,
        task_type="CAUSAL_LM",
    )
    for module in model.modules():
        # dropout in the base would make a resumed run differ
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0
    torch.manual_seed(recipe.seed)
    return get_peft_model(model, config)


def has_layers_below(options: Options) -> bool:
    return (options.top_layers or 1.0) < 1


def linear_layers(model: "PreTrainedModel") -> list[str]:
    """Names, without their paths, of the layers that peft's "all-linear" means.

    Those of a list, which are numbered, have their paths: blocks are numbered too. Left out are routers that
    give more than a product, and what Mamba's kernels read without calling it.
    """
    head = model.get_output_embeddings()
    unsuited = IN_KERNELS if model.config.model_type in MAMBA else set()
    names = {
        name if last.isdigit() else last
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and module is not head
        and (last := name.rpartition(".")[2]) not in unsuited
        and _gives_a_product(module)
    }
    if not names:
        raise TrainingFailed(
            "The base model has no linear layers that an adapter could be put on.",
            "Choose another base model.",
        )
    return sorted(names)


@torch.no_grad()
def _gives_a_product(layer: torch.nn.Linear) -> bool:
    """Not so for some architectures' own kinds of linear layers."""
    if not type(layer).__module__.startswith("transformers.models."):
        return True
    given = layer(layer.weight.new_zeros(1, layer.in_features))
    return isinstance(given, torch.Tensor) and given.shape == (1, layer.out_features)


def groups(model: "PeftModel", ratio: float) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser; in each the rate is to be multiplied by its `ratio`."""
    found = weights(model)
    up = {name for name in found if ".lora_B." in name}
    return [
        {"params": [value for name, value in found.items() if name not in up], "ratio": 1.0},
        {"params": [value for name, value in found.items() if name in up], "ratio": ratio},
    ]


def weights(model: "PeftModel") -> dict[str, torch.nn.Parameter]:
    """The trained parameters by name, in a fixed order."""
    return {name: value for name, value in sorted(model.named_parameters()) if value.requires_grad}


def save(model: "PeftModel", base: Base, folder: Path) -> None:
    """adapter_config.json and adapter_model.safetensors; the same bytes for the same adapter."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    # without the flag peft asks the hub about the base's vocabulary
    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    tensors = {name: tensors[name].detach().to("cpu", torch.float32).contiguous() for name in sorted(tensors)}
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config: dict[str, Any] = model.peft_config["default"].to_dict()
    config |= {"base_model_name_or_path": base.public_id, "inference_mode": True, "auto_mapping": None}
    text = json.dumps(config, indent=2, sort_keys=True, default=sorted)
    (folder / "adapter_config.json").write_text(text + "\n", "utf-8")
