"""The `model` field takes the name or alias of versions: a program needs no new id after each night."""

from contextlib import closing

import pytest
from openai import NotFoundError, OpenAI

HELLO = [{"role": "user", "content": "Where do lamps go?"}]


def test_a_name_and_an_alias_answer_as_the_current_version(served, owner, person, shop, finish):
    first = finish(owner.account, "Shelves").model
    second = finish(owner.account, "Shelves again").model
    registry = shop.registry
    registry.add_version("Shelves", first)
    registry.give_alias("Shelves", "shelves")
    registry.add_version("Shelves", second)
    with closing(OpenAI(base_url=f"{served}/v1", api_key=owner.key, max_retries=0)) as sdk:
        for name in ("shelves", "Shelves"):
            assert sdk.chat.completions.create(model=name, messages=HELLO).model == first.id
        registry.point_at("shelves", 2)
        assert sdk.chat.completions.create(model="shelves", messages=HELLO).model == second.id
        assert sdk.models.retrieve("shelves").id == second.id
    with (
        closing(OpenAI(base_url=f"{served}/v1", api_key=person().key, max_retries=0)) as other,
        pytest.raises(NotFoundError),
    ):
        other.chat.completions.create(model="shelves", messages=HELLO)
