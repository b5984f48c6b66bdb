"""Google answers, but never to the end."""

from collections.abc import Callable

import pytest

from errors import Unavailable
from providers.gemini.provider import Gemini
from providers.hosted import Doubtful
from providers.patience import ONCE
from records import ChatOptions, Dataset, Message, Recipe
from tests.providers.conftest import LABEL
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.storage import StorageFront

BASE = "gemini-3.5-flash"
ASKED = [Message(role="user", content="one two three four five six seven eight")]
Make = Callable[..., Gemini]


def test_a_poll_and_a_talk_that_drip_for_ever_are_given_up(
    make: Make, vendor: GeminiVendor, dataset: Callable[..., Dataset], recipe: Recipe
) -> None:
    job = make().start(dataset(), recipe, LABEL)
    hasty = make(timeout=0.8, patience=ONCE)
    vendor.fault("GET", "/tuningJobs/", drip=0.1)
    with pytest.raises(Unavailable, match="did not answer in time"):
        hasty.poll(job)
    vendor.fault("POST", "streamGenerateContent", drip=0.1)
    with pytest.raises(Unavailable, match="did not answer in time"):
        list(hasty.chat("", BASE, ASKED, ChatOptions()))


def test_an_order_whose_answer_drips_is_in_doubt(
    make: Make, vendor: GeminiVendor, dataset: Callable[..., Dataset], recipe: Recipe
) -> None:
    vendor.list_lag = 50
    vendor.fault("POST", "/tuningJobs$", drip=0.1)
    with pytest.raises(Doubtful, match="did not answer in time"):
        make(timeout=0.8).start(dataset(), recipe, LABEL)


def test_a_staged_file_whose_answer_drips_is_given_up_and_found_the_next_time(
    make: Make, files: StorageFront, dataset: Callable[..., Dataset], recipe: Recipe
) -> None:
    files.fault("POST", "/upload/", drip=0.1)
    with pytest.raises(Unavailable):
        make(timeout=0.8, patience=ONCE).start(dataset(), recipe, LABEL)
    assert make().start(dataset(), recipe, LABEL)
    assert files.count("POST", "/upload/") == 1


def test_a_talk_that_goes_on_may_take_longer_than_a_silence(make: Make, vendor: GeminiVendor) -> None:
    vendor.fault("POST", "streamGenerateContent", beat=0.4)
    *said, _ = make(timeout=2.0).chat("", BASE, ASKED, ChatOptions())
    assert "".join(map(str, said)).endswith("eight")
    assert vendor.count("POST", "streamGenerateContent") == 1
