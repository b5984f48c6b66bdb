"""Base and adapter as one model: every weight of the base streams by, and what was learned is added to it.

The sum is taken in float32, one tensor at a time, so that memory holds a shard and never the model.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from errors import InvalidData, NotConfigured
from providers.gpu.bases import TOKENIZER_FILES, Base
from providers.gpu.gguf_file import GgufFile

if TYPE_CHECKING:
    import torch

SHARD_BYTES = 4 << 30
GENERATION = "generation_config.json"


class Adapter:
    """The low-rank pairs of a published adapter, by the name of the weight that each is added to."""

    def __init__(self, folder: Path):
        """Raises InvalidData for an adapter that is more than plain LoRA."""
        from safetensors.torch import load_file

        self.config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        if self.config.get("use_dora") or self.config.get("use_rslora") or self.config.get("rank_pattern"):
            raise InvalidData(
                "The adapter is no plain LoRA, so it can't be added to its base here.",
                "Merge it with peft: `merge_and_unload`.",
            )
        self.rank: int = self.config["r"]
        self.scale = self.config["lora_alpha"] / self.rank
        self._pairs: dict[str, dict[str, torch.Tensor]] = {}
        for name, tensor in load_file(folder / "adapter_model.safetensors").items():
            layer, _, half = name.removesuffix(".weight").rpartition(".")
            self._pairs.setdefault(f"{plain(layer)}.weight", {})[half] = tensor

    def __contains__(self, name: str) -> bool:
        return plain(name) in self._pairs

    def delta(self, name: str) -> "torch.Tensor":
        """What is added to the weight, in float32."""
        pair = self._pairs[plain(name)]
        return self.scale * (pair["lora_B"].float() @ pair["lora_A"].float())

    @property
    def names(self) -> set[str]:
        return set(self._pairs)


def plain(name: str) -> str:
    """The same for a text model, for the text part of a vision model, and behind peft's prefix."""
    return name.removeprefix("base_model.model.").replace(".language_model.", ".")


def weights(base: Base, adapter: Adapter) -> Iterator[tuple[str, "torch.Tensor"]]:
    """Name and sum of every weight, in float32. Raises InvalidData for an adapter of another base."""
    left = adapter.names
    for name, value in _base_weights(base):
        value = value.float()
        if name in adapter:
            value = value + adapter.delta(name)
            left.discard(plain(name))
        yield name, value
    if left:
        raise InvalidData(
            f"The adapter doesn't belong to {base.id}: it has no {min(left)}.",
            "Name the base model that the adapter was trained on.",
        )


def _base_weights(base: Base) -> Iterator[tuple[str, "torch.Tensor"]]:
    import torch

    if base.is_gguf and base.path:
        # rounded to bfloat16 as for the training, see bases.load
        yield from (
            (name, torch.tensor(values).to(torch.bfloat16)) for name, values in GgufFile(base.path).weights()
        )
        return
    from safetensors import safe_open

    files = sorted(folder_of(base).glob("*.safetensors"))
    if not files:
        raise NotConfigured(
            f"The base model {base.id} has no safetensors files.", "Save it by `save_pretrained` first."
        )
    for file in files:
        with safe_open(file, "pt") as opened:
            for name in opened.keys():  # noqa: SIM118 (it is no dict)
                yield name, opened.get_tensor(name)


def folder_of(base: Base) -> Path:
    """Where the base's files lie; from the hub they are fetched, if they were not before."""
    if base.path:
        return base.path
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(base.public_id, allow_patterns=["*.safetensors*", "*.json", "*.jinja"]))


def write(base: Base, adapter_folder: Path, folder: Path) -> None:
    """The merged model in bfloat16 as `from_pretrained` and vLLM read it; all of the folder or none."""
    adapter = Adapter(adapter_folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".merging-", dir=folder.parent) as temporary:
        made = Path(temporary) / "model"
        made.mkdir()
        _write_weights(base, adapter, made)
        write_configuration(base, made)
        for name in TOKENIZER_FILES:
            if (adapter_folder / name).exists():
                shutil.copyfile(adapter_folder / name, made / name)
        made.rename(folder)


def write_configuration(base: Base, folder: Path) -> None:
    if base.is_gguf and base.path:
        from transformers import LlamaConfig

        LlamaConfig(
            **GgufFile(base.path).config(), dtype="bfloat16", architectures=["LlamaForCausalLM"]
        ).save_pretrained(folder)
        return
    config = json.loads((folder_of(base) / "config.json").read_text("utf-8"))
    for part in (config, *(value for value in config.values() if isinstance(value, dict))):
        if part.pop("torch_dtype", None) or "dtype" in part or part is config:
            part["dtype"] = "bfloat16"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    if (folder_of(base) / GENERATION).exists():
        shutil.copyfile(folder_of(base) / GENERATION, folder / GENERATION)


def _write_weights(base: Base, adapter: Adapter, folder: Path) -> None:
    """Shards of a few gigabytes and the index that tells which weight lies in which."""
    import torch
    from safetensors.torch import save_file

    shard: dict[str, torch.Tensor] = {}
    shards: list[list[str]] = []
    total = size = 0

    def close() -> None:
        nonlocal shard, size
        save_file(shard, folder / f"part-{len(shards)}", metadata={"format": "pt"})
        shards.append(list(shard))
        shard, size = {}, 0

    for name, value in weights(base, adapter):
        shard[name] = value.to(torch.bfloat16).contiguous()
        size += shard[name].nbytes
        total += shard[name].nbytes
        if size > SHARD_BYTES:
            close()
    if shard:
        close()
    if len(shards) == 1:
        (folder / "part-0").rename(folder / "model.safetensors")
        return
    places: dict[str, str] = {}
    for i, names in enumerate(shards):
        file = f"model-{i + 1:05}-of-{len(shards):05}.safetensors"
        (folder / f"part-{i}").rename(folder / file)
        places |= dict.fromkeys(names, file)
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")
