"""Tiny base models made on the spot: real architectures, a real tokenizer, random weights."""

import json
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"  # noqa: E501
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Qwen3 does it: an empty think block before the latest answer only, and in the prompt if thinking is off.
THINKING = (
    "{%- set ns = namespace(last=-1) %}"
    "{%- for message in messages %}{% if message.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"  # noqa: E501
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.role == 'assistant' and loop.last and loop.index0 > ns.last %}{{- '<think>\n\n</think>\n\n' }}{% endif %}"  # noqa: E501
    "{{- message.content + '<|im_end|>\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{% endif %}"  # noqa: E501
    "{%- endif %}"
)
WORDS = [
    "Sort the parcel into a depot. Answer with one of: north, south, east, west.",
    "the parcel goes up the coast to the harbour town",
    "a crate of oranges for the southern market",
    "letters for the mill beyond the eastern hills",
    "an urgent box for the west bank of the river",
    "system user assistant north south east west please thank you again and again",
]
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
}


def write_tokenizer(folder: Path, template: str) -> int:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.add_tokens([AddedToken("<think>"), AddedToken("</think>")])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 512,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(template)
    return tokenizer.get_vocab_size()


def make_base(folder: Path, kind: str) -> Path:
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir()
    vocabulary = write_tokenizer(folder, THINKING if "qwen3" in kind else CHATML)
    more = {
        "llama": {},
        "qwen3": {},
        "mistral": {"sliding_window": 8},
        "gemma2": {"final_logit_softcapping": 3.0, "query_pre_attn_scalar": 8},
        "qwen3_5_text": {
            "layer_types": ["linear_attention", "full_attention"],
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
        },
        # linear layers of a class of its own, with dropout where others have a number
        "falcon": {"num_kv_heads": 2, "new_decoder_architecture": True},
        # routers that are linear layers and give two things
        "phimoe": {"num_local_experts": 4},
        # positions are a bias on attention, and can't be given
        "mpt": {"max_seq_len": 512},
        # no attention, and another name for what it remembers
        "mamba": {"state_size": 4},
        # a layer between the decoder and its head
        "roberta": {"is_decoder": True},
        # logits that are capped under another name
        "recurrent_gemma": {"num_hidden_layers": 3, "lru_width": 32, "logits_soft_cap": 3.0},
    }[kind]
    # Falcon works its own head_dim out
    sizes = {
        name: size
        for name, size in SIZES.items()
        if name not in more and (kind, name) != ("falcon", "head_dim")
    }
    config = AutoConfig.for_model(
        kind, vocab_size=vocabulary, eos_token_id=2, pad_token_id=0, bos_token_id=None, **sizes, **more
    )
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(config).float()
    for parameter in model.parameters():
        # wide enough that attention and answers are not all alike
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder
