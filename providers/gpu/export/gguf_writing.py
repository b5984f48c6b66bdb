"""A merged model as one GGUF file, for llama.cpp, Ollama and whatever else reads them.

What a base that came as GGUF says of itself carries over; else it is told anew from config.json and
tokenizer.json, for the architectures and tokenizers of which it is known how llama.cpp names them.
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from errors import Refused
from providers.gpu import bases
from providers.gpu.bases import Base
from providers.gpu.export.merged import Adapter, weights

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFWriter

Precision = Literal["f16", "bf16", "f32", "q8_0"]
ARCHITECTURES = ("llama", "qwen2", "qwen3")
# What the file says about how it was made is said anew.
OWN = ("GGUF.", "general.architecture", "general.file_type", "general.name", "general.quantization_version")
# How a tokenizer cuts a text before it merges bytes -> llama.cpp's name of it (llama-vocab.cpp there).
DIGIT, DIGITS = r"\p{N}", r"\p{N}{1,3}"
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|NUMBER| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BY_PATTERN = {WORDS.replace("NUMBER", DIGIT): "qwen2", WORDS.replace("NUMBER", DIGITS): "llama-bpe"}
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5


def write(base: Base, adapter_folder: Path, path: Path, name: str, precision: Precision) -> None:
    """Raises Refused for an architecture or a tokenizer that is not known here."""
    from gguf import GGUFWriter
    from gguf.constants import GGMLQuantizationType, LlamaFileType

    config = bases.config(base)
    if config["model_type"] not in ARCHITECTURES or not _plain_rope(config):
        raise elsewhere(f"the architecture {config['model_type']} of {base.id}")
    logging.getLogger("gguf").setLevel(logging.WARNING)
    kinds = {"f16": "F16", "bf16": "BF16", "f32": "F32", "q8_0": "Q8_0"}
    file_types = {"f16": "MOSTLY_F16", "bf16": "MOSTLY_BF16", "f32": "ALL_F32", "q8_0": "MOSTLY_Q8_0"}
    part = path.with_name(f".{path.name}.part")
    writer = GGUFWriter(part, config["model_type"], use_temp_file=True)
    writer.add_name(name)
    writer.add_file_type(LlamaFileType[file_types[precision]])
    _describe(writer, base, config, adapter_folder)
    _add_tensors(writer, base, Adapter(adapter_folder), config, GGMLQuantizationType[kinds[precision]])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)


def elsewhere(what: str) -> Refused:
    return Refused(
        f"Luthier can't write {what} as GGUF.",
        "Export it merged (`--as merged`) and convert that folder by llama.cpp's convert_hf_to_gguf.py.",
    )


def _plain_rope(config: dict[str, Any]) -> bool:
    scaling = config.get("rope_parameters") or config.get("rope_scaling") or {}
    sliding = config.get("sliding_window") and config.get("use_sliding_window", True)
    return scaling.get("rope_type", scaling.get("type", "default")) == "default" and not sliding


def _describe(writer: "GGUFWriter", base: Base, config: dict[str, Any], tokenizer: Path) -> None:
    if base.is_gguf and base.path:
        _carry_over(writer, base.path)
    else:
        _add_configuration(writer, config)
        _add_tokenizer(writer, config, tokenizer)


def _carry_over(writer: "GGUFWriter", path: Path) -> None:
    from gguf import GGUFReader, GGUFValueType

    for field in GGUFReader(path).fields.values():
        if not field.name.startswith(OWN):
            inner = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)


def _add_configuration(writer: "GGUFWriter", config: dict[str, Any]) -> None:
    heads = config["num_attention_heads"]
    head = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or {}
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def _add_tokenizer(writer: "GGUFWriter", config: dict[str, Any], folder: Path) -> None:
    made = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    if made["model"]["type"] != "BPE" or not (cut := _cutting(made["pre_tokenizer"])):
        raise elsewhere("this base's tokenizer")
    size = config["vocab_size"]
    tokens, kinds = [f"[PAD{i}]" for i in range(size)], [UNUSED] * size
    for token, i in made["model"]["vocab"].items():
        tokens[i], kinds[i] = token, NORMAL
    for added in made.get("added_tokens", []):
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = CONTROL if added["special"] else USER_DEFINED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in made["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(cut)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    # the chat template writes the first token itself where the model wants one
    writer.add_add_bos_token(False)
    _add_special(writer, folder, {token: i for i, token in enumerate(tokens)})


def _add_special(writer: "GGUFWriter", folder: Path, ids: dict[str, int]) -> None:
    said = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    adders: dict[str, Callable[[int], None]] = {
        "bos_token": writer.add_bos_token_id,
        "eos_token": writer.add_eos_token_id,
        "pad_token": writer.add_pad_token_id,
        "unk_token": writer.add_unk_token_id,
    }
    for name, add in adders.items():
        token = said.get(name)
        token = token["content"] if isinstance(token, dict) else token
        if token in ids:
            add(ids[token])
    template = folder / "chat_template.jinja"
    writer.add_chat_template(template.read_text("utf-8") if template.exists() else said["chat_template"])


def _cutting(pre: dict[str, Any]) -> str | None:
    """llama.cpp's name of what the pre-tokenizer does, if it has one."""
    steps = pre["pretokenizers"] if pre["type"] == "Sequence" else [pre]
    match steps:
        case [{"type": "ByteLevel", "use_regex": True, "add_prefix_space": False}]:
            return "gpt-2"
        case [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "use_regex": True}]:
            return "smollm"
        case [{"type": "Split", "pattern": {"Regex": pattern}}, {"type": "ByteLevel", "use_regex": False}]:
            return BY_PATTERN.get(pattern)
    return None


def _add_tensors(
    writer: "GGUFWriter", base: Base, adapter: Adapter, config: dict[str, Any], kind: Any
) -> None:
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
    from gguf.quants import quantize

    architecture = next(arch for arch, name in MODEL_ARCH_NAMES.items() if name == config["model_type"])
    names = get_tensor_name_map(architecture, config["num_hidden_layers"])
    tied = config.get("tie_word_embeddings", False)
    for name, value in weights(base, adapter):
        if tied and name == "lm_head.weight":
            continue
        known = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if known is None:
            raise elsewhere(f"the weight {name} of {base.id}")
        values = value.numpy()
        if config["model_type"] == "llama" and ".q_proj." in name:
            values = interleaved(values, config["num_attention_heads"])
        if config["model_type"] == "llama" and ".k_proj." in name:
            values = interleaved(values, config.get("num_key_value_heads") or config["num_attention_heads"])
        fits = values.ndim > 1 and values.shape[-1] % GGML_QUANT_SIZES[kind][0] == 0
        chosen = kind if fits else GGMLQuantizationType.F16 if values.ndim > 1 else GGMLQuantizationType.F32
        writer.add_tensor(known, quantize(values, chosen), raw_dtype=chosen)


def interleaved(values: "np.ndarray", heads: int) -> "np.ndarray":
    """llama.cpp's order of q and k, weights and biases: the two halves of each rotary head, row by row."""
    halves = values.reshape(heads, 2, len(values) // heads // 2, -1)
    return halves.swapaxes(1, 2).reshape(values.shape)
