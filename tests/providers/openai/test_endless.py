"""OpenAI answers, but never to the end."""

from collections.abc import Callable

import pytest

from errors import Unavailable
from providers.hosted import Doubtful
from providers.openai.provider import OpenAI
from providers.openai.teacher import Endpoint
from providers.patience import ONCE
from records import ChatOptions, Dataset, Message, Recipe, Teacher
from tests.providers.conftest import LABEL
from tests.vendors.openai_vendor import BASES, OpenAIVendor

ASKED = [Message(role="user", content="one two three four five six seven eight")]
Ask = Callable[[OpenAI, Dataset, Recipe], object]


@pytest.fixture
def hasty(make: Callable[..., OpenAI]) -> OpenAI:
    return make(timeout=0.8, patience=ONCE)


@pytest.mark.parametrize(
    ("method", "path", "ask"),
    [
        ("GET", "/models/", lambda openai, dataset, recipe: openai.base(recipe.base_model)),
        ("POST", "/files$", lambda openai, dataset, recipe: openai.start(dataset, recipe, LABEL)),
        ("GET", "/fine_tuning/jobs/", lambda openai, dataset, recipe: openai.poll(next(iter(openai.mine)))),
        ("POST", "/chat/", lambda openai, *_: list(openai.chat("", BASES[0], ASKED, ChatOptions()))),
    ],
)  # fmt: skip
def test_an_answer_that_drips_for_ever_is_given_up(
    hasty: OpenAI,
    make: Callable[..., OpenAI],
    vendor: OpenAIVendor,
    dataset: Callable[..., Dataset],
    recipe: Recipe,
    method: str,
    path: str,
    ask: Ask,
) -> None:
    made = dataset()
    if "jobs" in path:
        make().start(made, recipe, LABEL)
    hasty.mine = vendor.jobs  # type: ignore[attr-defined]
    vendor.fault(method, path, times=9, drip=0.1)
    with pytest.raises(Unavailable, match="did not answer in time"):
        ask(hasty, made, recipe)


def test_an_order_whose_answer_drips_is_in_doubt_and_found_again(
    make: Callable[..., OpenAI], vendor: OpenAIVendor, dataset: Callable[..., Dataset], recipe: Recipe
) -> None:
    vendor.list_lag = 50
    vendor.fault("POST", "/fine_tuning/jobs$", drip=0.1)
    with pytest.raises(Doubtful, match="did not answer in time"):
        make(timeout=0.8).start(dataset(), recipe, LABEL)
    assert len(vendor.jobs) == 1


def test_an_answer_that_goes_on_may_take_longer_than_a_silence(
    make: Callable[..., OpenAI], vendor: OpenAIVendor
) -> None:
    vendor.fault("POST", "/chat/", beat=0.3)
    *said, _ = make(timeout=2.0).chat("", BASES[0], ASKED, ChatOptions())
    assert "".join(map(str, said)).endswith("eight")
    assert vendor.count("POST", "/chat/") == 1


def test_a_teacher_that_drips_is_given_up(vendor: OpenAIVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.openai.teacher.TIMEOUT_SECONDS", 0.8)
    vendor.fault("POST", "/chat/", drip=0.1)
    teacher = Teacher(url=f"{vendor.url}/v1", model=BASES[0])
    with pytest.raises(Unavailable):
        Endpoint(teacher, "sk-x", ONCE).ask("Say it again.", "Hello")
