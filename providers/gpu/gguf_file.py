"""Read a GGUF file of the Llama architecture: configuration, weights, tokenizer.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. transformers reads it too, but takes
seconds where this takes a fraction of one, and leaves out the splitting of digits that SmolLM2's tokenizer
asks for.
"""

import json
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
CONTROL_TOKEN = 3

NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class TensorInfo(NamedTuple):
    name: str
    shape: tuple[int, ...]  # outermost first, as in numpy
    kind: int
    offset: int


class GgufFile:
    def __init__(self, path: Path):
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._at = 0
        magic, self.version, tensors, entries = self._take("4sIQQ")
        if magic != b"GGUF":
            raise ValueError(f"{path} is not a GGUF file")
        self.metadata: dict[str, Any] = {}
        for _ in range(entries):
            name = self._string()
            self.metadata[name] = self._value(*self._take("I"))
        self._tensors = [self._tensor() for _ in range(tensors)]
        alignment = self.metadata.get("general.alignment", 32)
        self._data = -(-self._at // alignment) * alignment

    def _take(self, fmt: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + fmt, self._bytes, self._at)
        self._at += struct.calcsize("<" + fmt)
        return values

    def _string(self) -> str:
        (length,) = self._take("Q")
        self._at += length
        return self._bytes[self._at - length : self._at].decode()

    def _value(self, kind: int) -> Any:
        if kind == STRING:
            return self._string()
        if kind != ARRAY:
            return self._take(SCALARS[kind])[0]
        inner, length = self._take("IQ")
        if inner in (STRING, ARRAY):
            return [self._value(inner) for _ in range(length)]
        return list(self._take(f"{length}{SCALARS[inner]}"))

    def _tensor(self) -> TensorInfo:
        name = self._string()
        (dimensions,) = self._take("I")
        shape = self._take(f"{dimensions}Q")
        return TensorInfo(name, shape[::-1], *self._take("IQ"))

    def config(self) -> dict[str, Any]:
        """The arguments of transformers' LlamaConfig."""
        data = self.metadata
        heads = data["llama.attention.head_count"]
        return {
            "vocab_size": len(data["tokenizer.ggml.tokens"]),
            "hidden_size": data["llama.embedding_length"],
            "intermediate_size": data["llama.feed_forward_length"],
            "num_hidden_layers": data["llama.block_count"],
            "num_attention_heads": heads,
            "num_key_value_heads": data.get("llama.attention.head_count_kv", heads),
            "max_position_embeddings": data["llama.context_length"],
            "rms_norm_eps": data["llama.attention.layer_norm_rms_epsilon"],
            "rope_parameters": {"rope_type": "default", "rope_theta": data["llama.rope.freq_base"]},
            "tie_word_embeddings": all(tensor.name != "output.weight" for tensor in self._tensors),
            "bos_token_id": data["tokenizer.ggml.bos_token_id"],
            "eos_token_id": data["tokenizer.ggml.eos_token_id"],
            "pad_token_id": data["tokenizer.ggml.padding_token_id"],
        }

    def weights(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every weight in float32 under transformers' name, one at a time."""
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
        from gguf.quants import dequantize

        for tensor in self._tensors:
            kind = GGMLQuantizationType(tensor.kind)
            block, size = GGML_QUANT_SIZES[kind]
            rows = (*tensor.shape[:-1], tensor.shape[-1] // block * size)
            start = self._data + tensor.offset
            packed = np.frombuffer(self._bytes, np.uint8, int(np.prod(rows)), start).reshape(rows)
            values = dequantize(packed, kind).reshape(tensor.shape)
            yield self._name(tensor.name), self._in_transformers_order(tensor.name, values)

    def _name(self, name: str) -> str:
        stem = name.removesuffix(".weight")
        if stem.startswith("blk."):
            _, layer, stem = stem.split(".")
            return f"model.layers.{layer}.{NAMES[stem]}.weight"
        return f"{NAMES[stem]}.weight"

    def _in_transformers_order(self, name: str, values: np.ndarray) -> np.ndarray:
        """llama.cpp interleaves the two halves of each rotary head of q and k; this undoes it."""
        if not name.endswith(("attn_q.weight", "attn_k.weight")):
            return values
        kv = "_kv" if "attn_k" in name else ""
        heads = self.metadata[f"llama.attention.head_count{kv}"]
        rows, width = values.shape
        return values.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)

    def write_tokenizer(self, folder: Path) -> None:
        """Write tokenizer.json, tokenizer_config.json and chat_template.jinja.

        Raises ValueError if the tokenizer is another one than SmolLM2's.
        """
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

        data = self.metadata
        if data["tokenizer.ggml.model"] != "gpt2" or data["tokenizer.ggml.pre"] != "smollm":
            raise ValueError(f"no reader for tokenizer {data['tokenizer.ggml.pre']}")
        tokens = data["tokenizer.ggml.tokens"]
        merges = [tuple(merge.split(" ", 1)) for merge in data["tokenizer.ggml.merges"]]
        tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        kinds = data["tokenizer.ggml.token_type"]
        control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL_TOKEN]
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
        tokenizer.save(str(folder / "tokenizer.json"))
        special = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
        config = {f"{k}_token": tokens[data[f"tokenizer.ggml.{v}_token_id"]] for k, v in special.items()} | {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "model_max_length": data["llama.context_length"],
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        (folder / "chat_template.jinja").write_text(data["tokenizer.chat_template"])
