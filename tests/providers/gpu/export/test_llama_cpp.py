"""llama.cpp itself answers as the adapter does: `make llama` installs it, from source, and runs this."""

import time
from pathlib import Path

import pytest

from providers.gpu.answers import golden
from providers.gpu.export import takeaway
from providers.gpu.provider import Gpu
from records import ENDED, Message, Recipe

llama_cpp = pytest.importorskip("llama_cpp", reason="`make llama` compiles it")


def test_the_gguf_file_of_a_smollm2_answers_the_golden_prompts(
    gpu: Gpu, parcels: list[list[Message]], make_dataset, tmp_path: Path
) -> None:
    dataset = make_dataset([row for i, row in enumerate(parcels) if i % 4 != 3], parcels[3::4])
    job = gpu.start(dataset, Recipe(base_model="smollm2-135m", epochs=10, learning_rate=1e-3), "job-1")
    give_up = time.monotonic() + 900
    while (progress := gpu.poll(job)).status not in ENDED:
        assert time.monotonic() < give_up
        time.sleep(0.5)
    assert progress.status == "succeeded", progress
    folder = Path(gpu.outcome(job).reference)
    taken = takeaway.write("gguf", "smollm2-135m", folder, tmp_path, "depots", "", "f16")
    model = llama_cpp.Llama(str(taken.path), n_ctx=1024, verbose=False)
    prompts = golden.read(folder).prompts
    assert any(prompt.ends and prompt.sure for prompt in prompts), "some answer must bind"
    for prompt in prompts:
        messages = [turn.model_dump(include={"role", "content"}) for turn in prompt.messages]
        reply = model.create_chat_completion(messages, temperature=0, max_tokens=golden.LONGEST_ANSWER)
        assert reply["usage"]["prompt_tokens"] == len(prompt.tokens)
        found = golden.compared_answer(prompt, reply["choices"][0]["message"]["content"])
        assert found.severity == "info", found
