"""Versions of a model under one name, and which of them the name stands for."""

from collections.abc import Callable

import pytest

from errors import InvalidData, NotFound
from records import TunedModel
from registry import Registry

Add = Callable[..., int]


@pytest.fixture
def add(registry: Registry, make_model: Callable[..., TunedModel]) -> Add:
    """Adds a model as a version and returns its number."""

    def added(model_id: str, name: str = "Router") -> int:
        model = registry.add_model(make_model(name).but(id=model_id))
        return registry.add_version(name, model).number

    return added


def test_the_first_version_is_current_and_the_next_one_waits_for_its_judgement(
    registry: Registry, add: Add
) -> None:
    assert (add("model-a1a1"), add("model-b2b2")) == (1, 2)
    assert registry.model("Router").id == "model-a1a1"
    newest = registry.versions("Router")[0]
    assert not newest.judgement
    registry.judge_version(newest, "It is better.", promote=True)
    assert registry.model("Router").id == "model-b2b2"
    assert registry.versions("Router")[0].judgement == "It is better."


def test_a_model_is_a_version_of_its_name_once(registry: Registry, add: Add) -> None:
    assert (add("model-a1a1"), add("model-a1a1")) == (1, 1)
    assert len(registry.versions("Router")) == 1


def test_an_alias_follows_the_name(registry: Registry, add: Add) -> None:
    add("model-a1a1")
    add("model-b2b2")
    registry.give_alias("Router", "router")
    assert registry.model("router").id == "model-a1a1"
    registry.point_at("router", 2)
    assert registry.model("router").id == registry.model("Router").id == "model-b2b2"
    registry.give_alias("Router", None)
    with pytest.raises(NotFound):
        registry.versions("router")


def test_an_alias_has_one_name(registry: Registry, add: Add) -> None:
    add("model-a1a1")
    add("model-b2b2", "Other")
    registry.give_alias("Router", "router")
    for taken in ("router", "Router"):
        with pytest.raises(InvalidData, match="belongs to 'Router'"):
            registry.give_alias("Other", taken)
    assert registry.alias_of("Other") is None


def test_a_deleted_version_is_not_pointed_at(registry: Registry, add: Add) -> None:
    add("model-a1a1")
    add("model-b2b2")
    registry.delete_model("model-a1a1")
    assert registry.current_version("Router") is None
    with pytest.raises(NotFound, match="no version 1"):
        registry.point_at("Router", 1)
    registry.point_at("Router", 2)
    assert registry.model("Router").id == "model-b2b2"


def test_a_name_without_versions_says_where_they_come_from(registry: Registry) -> None:
    with pytest.raises(NotFound, match="no versions of 'Nobody'"):
        registry.versions("Nobody")
