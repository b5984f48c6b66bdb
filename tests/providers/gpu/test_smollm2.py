"""The packaged base: how it is read, and that a short job on it learns and is served alike elsewhere."""

import shutil
import time
from pathlib import Path

import pytest
import torch

from providers.gpu import bases
from providers.gpu.answers import golden
from providers.gpu.gguf_file import GgufFile
from providers.gpu.provider import Gpu
from providers.gpu.template import Template
from records import ENDED, ChatOptions, Message, Recipe

pytestmark = pytest.mark.slow


def packaged() -> Path:
    path = bases.find("smollm2-135m").path
    assert path
    return path


def test_digits_are_split_as_the_model_learned_them(tmp_path: Path) -> None:
    GgufFile(packaged()).write_tokenizer(tmp_path)
    template = Template(tmp_path)
    assert template.tokenizer.encode("a  123").tokens == ["a", "ĠĠ", "1", "2", "3"]
    assert template.text(template.tokenizer.encode("Où vas-tu, 42?").ids) == "Où vas-tu, 42?"
    assert [template.tokenizer.id_to_token(i) for i in template.end_ids] == ["<|im_end|>"]


def test_a_short_job_learns_and_answers_the_same_in_peft(
    gpu: Gpu, parcels: list[list[Message]], make_dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dataset = make_dataset(parcels[:3] + parcels[4:7] + parcels[8:11] + parcels[12:15], parcels[3::4])
    recipe = Recipe(base_model="smollm2-135m", epochs=4, learning_rate=1e-3)
    remote_id = gpu.start(dataset, recipe, "job-1")
    give_up = time.monotonic() + 600
    while (progress := gpu.poll(remote_id)).status not in ENDED:
        assert time.monotonic() < give_up
        time.sleep(0.2)
    assert progress.status == "succeeded", progress
    outcome = gpu.outcome(remote_id)
    assert outcome.base_name == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert outcome.metrics["tuned_loss"] < 0.7 * outcome.metrics["base_loss"]

    assert any(prompt.sure for prompt in golden.read(Path(outcome.reference)).prompts)
    golden.refuse(golden.check_files(Path(outcome.reference), "smollm2-135m", gpu.home))

    # somewhere else: the base under its public name below the working directory, the adapter as it is
    elsewhere = tmp_path / "elsewhere"
    exported = elsewhere / outcome.base_name
    bases.export("smollm2-135m", exported)
    shutil.copytree(outcome.reference, elsewhere / "adapter")
    monkeypatch.chdir(elsewhere)
    assert AutoModelForCausalLM.from_pretrained(exported).dtype == torch.bfloat16
    model = AutoPeftModelForCausalLM.from_pretrained("adapter")
    tokenizer = AutoTokenizer.from_pretrained("adapter")
    for messages in parcels[3:12:4]:
        asked = [{"role": message.role, "content": message.content} for message in messages[:2]]
        inputs = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt")
        out = model.generate(**inputs, max_new_tokens=8, do_sample=False)
        expected = tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        *pieces, _ = gpu.chat("smollm2-135m", outcome.reference, messages[:2], ChatOptions(max_tokens=8))
        assert "".join(map(str, pieces)) == expected
