"""An adapter taken elsewhere: merged, as GGUF, for Ollama and vLLM, says what it says on its base."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from errors import InvalidData, Refused
from providers.gpu import bases as model_files
from providers.gpu.answers import golden
from providers.gpu.answers.generation import Speaker
from providers.gpu.bases import TOKENIZER_FILES
from providers.gpu.export import gguf_writing, merged, ollama, takeaway
from providers.gpu.template import Template
from providers.gpu.training import adapter
from records import Message
from tests.tiny_bases import write_tokenizer

LLAMA_3 = (
    "{% for message in messages %}{{ '<|endoftext|>' if loop.first else '' }}"
    "{{ '<|im_start|>' + message.role + '\n\n' + message.content + '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n\n' }}{% endif %}"
)
NUMBERED = "{% for message in messages %}{{ loop.index }}. {{ message.content }} {% endfor %}"


@pytest.fixture
def trained(
    bases: Callable[[str], Path], with_adapter: Callable[[str], Any], tmp_path: Path
) -> Callable[[str], tuple[Any, model_files.Base, Path]]:
    """Model, base and the published folder of an adapter over a tiny base of that architecture."""

    def make(kind: str) -> tuple[Any, model_files.Base, Path]:
        model, base = with_adapter(kind), model_files.find(str(bases(kind)))
        folder = tmp_path / f"{kind}-adapter"
        folder.mkdir()
        adapter.save(model, base, folder)
        for name in TOKENIZER_FILES:
            shutil.copyfile(bases(kind) / name, folder / name)
        return model.eval(), base, folder

    return make


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.arange(3, 40)[None]).logits.float()


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_every_merged_weight_is_what_peft_makes_of_it(trained: Any, kind: str) -> None:
    model, base, folder = trained(kind)
    ours = dict(merged.weights(base, merged.Adapter(folder)))
    theirs = model.merge_and_unload().state_dict()
    changed = [name for name in ours if "proj" in name]
    assert len(changed) == 14
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name].float(), rtol=1e-6, atol=1e-6)


def test_a_merged_folder_loads_in_transformers_and_answers_alike(trained: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, base, folder = trained("qwen3")
    taken = takeaway.write("merged", base.id, folder, tmp_path / "out", "depots", "", "f16")
    loaded = AutoModelForCausalLM.from_pretrained(taken.path)
    assert loaded.dtype == torch.bfloat16
    torch.testing.assert_close(logits(loaded.float()), logits(model), rtol=0.1, atol=0.1)
    assert AutoTokenizer.from_pretrained(taken.path).chat_template
    with pytest.raises(InvalidData, match="already"):
        takeaway.write("merged", base.id, folder, tmp_path / "out", "depots", "", "f16")


def test_a_large_merge_is_written_in_shards(trained: Any, tmp_path: Path, monkeypatch: Any) -> None:
    from transformers import AutoModelForCausalLM

    model, base, folder = trained("llama")
    monkeypatch.setattr(merged, "SHARD_BYTES", 10_000)
    merged.write(base, folder, tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.safetensors"))) > 3
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    torch.testing.assert_close(logits(loaded.float()), logits(model), rtol=0.1, atol=0.1)


def test_an_adapter_of_another_base_is_refused(trained: Any) -> None:
    _, _, folder = trained("qwen3")
    _, other, _ = trained("llama")
    tensors = folder / "adapter_model.safetensors"
    from safetensors.torch import load_file, save_file

    deeper = {name.replace("layers.1.", "layers.7."): value for name, value in load_file(tensors).items()}
    save_file(deeper, tensors)
    with pytest.raises(InvalidData, match=r"doesn't belong.*layers\.7"):
        list(merged.weights(other, merged.Adapter(folder)))


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_a_gguf_file_holds_the_same_model_and_tokenizer(trained: Any, kind: str, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    model, base, folder = trained(kind)
    config = AutoConfig.from_pretrained(base.source)  # transformers doesn't read the head's size from GGUF
    taken = takeaway.write("gguf", base.id, folder, tmp_path / "out", "depots", "", "f32")
    place, file = str(taken.path.parent), taken.path.name
    loaded = AutoModelForCausalLM.from_pretrained(place, gguf_file=file, config=config, dtype=torch.float32)
    torch.testing.assert_close(logits(loaded), logits(model), rtol=1e-3, atol=1e-3)
    text = "<|im_start|>user\nthe harbour town, 42 crates<|im_end|>\n"
    tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=file)
    assert tokenizer(text)["input_ids"] == Template(folder).tokenizer.encode(text).ids
    assert tokenizer.chat_template == (folder / "chat_template.jinja").read_text()


def test_biases_of_rotary_heads_are_put_in_the_order_of_their_weights(trained: Any, tmp_path: Path) -> None:
    from gguf import GGUFReader
    from transformers import AutoModelForCausalLM

    _, base, folder = trained("llama")
    model = AutoModelForCausalLM.from_pretrained(base.source, attention_bias=True)
    biases = {name: part.bias for name, part in model.named_modules() if name.endswith(("q_proj", "k_proj"))}
    for bias in biases.values():
        torch.nn.init.normal_(bias)
    model.save_pretrained(tmp_path / "base")
    gguf_writing.write(model_files.find(str(tmp_path / "base")), folder, tmp_path / "x.gguf", "depots", "f32")
    written = {tensor.name: tensor.data for tensor in GGUFReader(tmp_path / "x.gguf").tensors}
    for letter, heads in (("q", 4), ("k", 2)):
        bias = biases[f"model.layers.0.self_attn.{letter}_proj"].detach().numpy()
        as_weight = gguf_writing.interleaved(bias[:, None], heads)[:, 0]
        assert (written[f"blk.0.attn_{letter}.bias"] == as_weight).all()
        assert (as_weight != bias).any()


def test_smaller_precisions_are_smaller(trained: Any, tmp_path: Path) -> None:
    _, base, folder = trained("llama")
    sizes = [
        takeaway.write("gguf", base.id, folder, tmp_path, "depots", "", precision).path.stat().st_size
        for precision in ("f32", "bf16", "q8_0")
    ]
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize("kind", ["mistral", "gemma2"])
def test_an_architecture_that_is_not_known_is_refused_with_the_way_round(
    trained: Any, kind: str, tmp_path: Path
) -> None:
    _, base, folder = trained(kind)
    with pytest.raises(Refused, match="convert_hf_to_gguf"):
        takeaway.write("gguf", base.id, folder, tmp_path / "out", "depots", "", "f16")


def test_a_tokenizer_that_is_not_known_is_refused(trained: Any, tmp_path: Path) -> None:
    _, base, folder = trained("llama")
    made = json.loads((folder / "tokenizer.json").read_text())
    made["pre_tokenizer"] = {"type": "Whitespace"}
    (folder / "tokenizer.json").write_text(json.dumps(made))
    with pytest.raises(Refused, match="tokenizer"):
        gguf_writing.write(base, folder, tmp_path / "out.gguf", "depots", "f16")
    assert not (tmp_path / "out.gguf").exists()


def go(told: str, turns: list[tuple[str, str]]) -> str:
    """What Ollama makes of the few words of Go's template language that are used."""
    head, _, rest = told.partition("{{ range .Messages }}")
    body, _, tail = rest.rpartition("{{ end }}")
    said = head
    for role, content in turns:
        text = body
        for one in ("system", "user", "assistant"):
            before, _, behind = text.partition(f'{{{{ if eq .Role "{one}" }}}}')
            mark, _, behind = behind.partition("{{ end }}")
            text = before + (mark if one == role else "") + behind
        said += text.replace("{{ .Content }}", content)
    return said + tail


@pytest.mark.parametrize("template", ["chatml", "thinking", "llama-3"])
def test_ollama_is_told_a_template_that_asks_as_the_training_did(template: str, tmp_path: Path) -> None:
    from tests.tiny_bases import CHATML, THINKING

    write_tokenizer(tmp_path, {"chatml": CHATML, "thinking": THINKING, "llama-3": LLAMA_3}[template])
    made = Template(tmp_path)
    told = ollama.in_go(made)
    assert told
    turns = [("system", "Sort."), ("user", "a box"), ("assistant", "north"), ("user", "a crate")]
    messages = [Message(role=role, content=text) for role, text in turns]  # type: ignore[arg-type]
    for count in (2, 4):
        assert go(told, turns[:count]) == made.rendered(messages[:count], ask=True)


def test_a_template_that_is_no_sequence_of_turns_is_left_to_ollama(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, NUMBERED)
    told = ollama.modelfile("depots.gguf", Template(tmp_path), 'Say """north""" or south.')
    assert "TEMPLATE" not in told and "read from the GGUF" in told
    assert told.count('"""') == 2


def test_vllm_is_started_with_room_for_the_rank(trained: Any, tmp_path: Path) -> None:
    _, base, folder = trained("qwen3")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"r": 33}))
    taken = takeaway.write("vllm", base.id, folder, tmp_path / "out", "depots", "", "f16")
    line = taken.path.read_text().splitlines()[-1]
    assert "--max-lora-rank 64 " in line and f"depots={folder}" in line and base.source in line


def test_golden_prompts_say_how_far_an_answer_is_sure(trained: Any, parcels: Any) -> None:
    model, _, folder = trained("llama")
    speaker = Speaker(model.get_base_model(), Template(folder))
    made = golden.made(speaker, golden.chosen([*parcels, *parcels], speaker.template))
    assert len({prompt.asked for prompt in made.prompts}) == golden.PROMPTS
    for prompt in made.prompts:
        assert list(prompt.tokens) == speaker.template.prompt(prompt.messages)
        assert prompt.answer.startswith(prompt.sure)
        assert prompt.messages[-1].role == "user"
