"""A trained model in the form that another program serves: merged, GGUF, Ollama, vLLM's launch line."""

import shlex
from pathlib import Path
from typing import Literal, NamedTuple

from errors import InvalidData
from providers.gpu import bases
from providers.gpu.export import gguf_writing, merged, ollama
from providers.gpu.export.gguf_writing import Precision
from providers.gpu.export.merged import Adapter
from providers.gpu.template import Template

Form = Literal["merged", "gguf", "ollama", "vllm"]
# The ranks that vLLM makes room for (vllm/config/lora.py); without the flag it takes no more than 16.
VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


class Taken(NamedTuple):
    path: Path
    command: str  # what starts it there; empty where there is no one command


def write(
    form: Form, base_model: str, adapter: Path, target: Path, name: str, system: str, precision: Precision
) -> Taken:
    """Write the model into the folder `target`, under `name`. `adapter` is the unpacked artefact.

    Raises InvalidData where it would be written over something, Refused for a base that has no such form,
    NotConfigured if the base can't be had.
    """
    base = bases.find(base_model)
    target.mkdir(parents=True, exist_ok=True)
    match form:
        case "merged":
            folder = free(target / f"{name}-merged")
            merged.write(base, adapter, folder)
            return Taken(folder, f"vllm serve {shlex.quote(str(folder))} --served-model-name {name}")
        case "gguf":
            path = free(target / f"{name}-{precision}.gguf")
            gguf_writing.write(base, adapter, path, name, precision)
            return Taken(path, f"llama-server -m {shlex.quote(str(path))} --jinja")
        case "ollama":
            path = free(target / "Modelfile")
            file = f"{name}-{precision}.gguf"
            gguf_writing.write(base, adapter, free(target / file), name, precision)
            path.write_text(ollama.modelfile(file, Template(adapter), system), "utf-8")
            return Taken(path, f"ollama create {name} -f {shlex.quote(str(path))}")
        case "vllm":
            return _for_vllm(base, adapter, free(target / f"{name}-vllm.sh"), name)


def _for_vllm(base: bases.Base, adapter: Path, path: Path, name: str) -> Taken:
    rank = Adapter(adapter).rank
    room = next((room for room in VLLM_RANKS if room >= rank), None)
    if room is None:
        raise InvalidData(
            f"vLLM serves adapters up to rank {VLLM_RANKS[-1]}; this one has {rank}.",
            "Export it merged (`--as merged`).",
        )
    lines = ["#!/bin/sh", f"# Serves {name} and its base by vLLM.", "set -e"]
    served = base.source
    if base.is_gguf:
        served = f"{name}-base"
        lines += [
            "# The adapter was trained on these very weights, which are rounded more than those on the hub.",
            f'[ -d {served} ] || python -m providers.gpu export-base {base.id} "$PWD/{served}"',
        ]
    lines.append(
        f"exec vllm serve {shlex.quote(served)} --served-model-name {shlex.quote(base.id)} --enable-lora "
        f"--max-lora-rank {room} --lora-modules {shlex.quote(f'{name}={adapter}')} "
        f"--chat-template {shlex.quote(str(adapter / 'chat_template.jinja'))}"
    )
    path.write_text("\n".join(lines) + "\n", "utf-8")
    path.chmod(0o755)
    return Taken(path, f"sh {shlex.quote(str(path))}")


def free(path: Path) -> Path:
    """Raises InvalidData if something is there already."""
    if path.exists():
        raise InvalidData(f"There is a {path} already.", "Remove it, or name another folder by --to.")
    return path
