"""The forms that `luthier deploy` brings to a server."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from prefect.flows import load_flow_from_entrypoint

from launch.deployments import offered
from launch.form import form
from settings import settings

ROOT = Path(__file__).parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
FLOWS = sorted({entry["entrypoint"] for entry in DEPLOYMENTS})


def form_of(entrypoint: str, *bases: str) -> dict[str, Any]:
    return form(load_flow_from_entrypoint(str(ROOT / entrypoint)), bases)


def fields(schema: dict[str, Any]) -> dict[str, Any]:
    found = dict(schema["properties"])
    for name, definition in schema.get("definitions", {}).items():
        found |= {f"{name}.{field}": about for field, about in definition.get("properties", {}).items()}
    return found


@pytest.mark.parametrize("entrypoint", FLOWS)
def test_every_field_has_a_title_and_a_description_in_whole_sentences(entrypoint: str) -> None:
    schema = form_of(entrypoint, "one")
    Draft202012Validator.check_schema(schema)
    for name, field in fields(schema).items():
        assert field.get("title", "")[:1].isupper(), name
        assert "_" not in field["title"], name
        assert field.get("description", "")[:1].isupper() and field["description"].endswith("."), name


@pytest.mark.parametrize("entrypoint", FLOWS)
def test_a_secret_is_named_and_never_typed_in(entrypoint: str) -> None:
    for name, field in fields(form_of(entrypoint, "one")).items():
        assert field.get("format") != "password", name
        if {"key", "token", "secret", "password"} & set(name.rpartition(".")[2].split("_")):
            assert "NAME" in field["description"], name


def test_numbers_say_how_large_they_may_be() -> None:
    shown = fields(form_of("flows/fine_tune.py:fine_tune"))
    assert "(1 to 50)" in shown["Recipe.epochs"]["description"]
    assert "(0 to 0.5)" in shown["Preparation.holdout"]["description"]


def test_a_base_is_chosen_from_the_catalogue_or_named_freely() -> None:
    shown = form_of("flows/fine_tune.py:fine_tune", "first", "second")
    base = fields(shown)["Recipe.base_model"]
    listed, free = base["anyOf"]
    assert shown["properties"]["recipe"]["default"]["base_model"] == "first"
    assert listed["enum"] == ["first", "second"] and base["default"] == "first"
    assert free["type"] == "string" and "enum" not in free


def test_the_hosted_pool_offers_hosted_bases_that_can_still_be_tuned(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "bases.toml"
    own.write_text(
        '[gone]\nprovider = "openai"\ncontext = 1\nexample_tokens = 1\ntunable_until = 2020-01-01\n'
        '[lasting]\nprovider = "openai"\ncontext = 1\nexample_tokens = 1\n'
    )
    monkeypatch.setenv("LUTHIER_BASES_FILE", str(own))
    settings.cache_clear()
    hosted = offered("hosted")
    assert hosted[0] == "lasting" and "gone" not in hosted and "smollm2-135m" not in hosted
    assert offered("own-hardware")[0] == "smollm2-135m" and "lasting" not in offered("own-hardware")
