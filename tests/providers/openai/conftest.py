"""A loopback OpenAI for each test, and our provider in front of it."""

from collections.abc import Callable, Iterator

import pytest

from providers.openai.provider import OpenAI
from providers.patience import Patience
from records import Recipe
from tests.providers.conftest import TODAY
from tests.vendors.openai_vendor import OpenAIVendor

RECIPE = Recipe(base_model="gpt-4.1-mini-2025-04-14", options={"accept_retirement": True})


@pytest.fixture
def vendor() -> Iterator[OpenAIVendor]:
    with OpenAIVendor() as made:
        yield made
    assert made.violations == []
    assert made.breaches == []


@pytest.fixture
def make(vendor: OpenAIVendor, patience: Patience) -> Callable[..., OpenAI]:
    def provider(**changes: object) -> OpenAI:
        arguments = {"api_key": "sk-x", "base_url": f"{vendor.url}/v1", "patience": patience, "timeout": 5.0}
        return OpenAI(**{**arguments, "today": lambda: TODAY, **changes})  # type: ignore[arg-type]

    return provider


@pytest.fixture
def provider(make: Callable[..., OpenAI]) -> OpenAI:
    return make()


@pytest.fixture
def recipe() -> Recipe:
    return RECIPE
