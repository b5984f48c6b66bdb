"""Other services of the protocol, by OPENAI_BASE_URL: what is different at Azure."""

from collections.abc import Callable

import pytest

from errors import InvalidData, Unavailable
from providers.openai.provider import OpenAI
from records import Dataset, Recipe
from tests.providers.conftest import LABEL
from tests.vendors.openai_vendor import OpenAIVendor

Make = Callable[..., OpenAI]
MakeDataset = Callable[..., Dataset]


@pytest.fixture
def vendor(vendor: OpenAIVendor) -> OpenAIVendor:
    """Its words are Azure's, which OpenAI's description does not know."""
    vendor.contract = None
    return vendor


def test_a_query_of_the_base_url_goes_along_with_every_request(
    make: Make, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    provider = make(base_url=f"{vendor.url}/v1/?api-version=preview")
    provider.poll(provider.start(dataset(), recipe, LABEL))
    assert provider.find(LABEL) is not None
    assert {dict(seen.query).get("api-version") for seen in vendor.log} == {"preview"}
    assert {seen.status for seen in vendor.log} == {200}


def test_a_file_that_is_still_read_is_waited_for_before_the_job_is_made(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, waits: list[float]
) -> None:
    vendor.reads_for = 4
    assert provider.start(dataset(), recipe, LABEL)
    assert len(waits) == 4
    assert vendor.count("POST", "/fine_tuning/jobs$") == 1


def test_a_file_that_is_read_for_ever_is_handed_on_and_not_sent_again(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.reads_for = 10**9
    with pytest.raises(Unavailable, match="still reads"):
        provider.start(dataset(), recipe, LABEL)
    for file in vendor.files.values():
        file["unread"] = 0
    assert provider.start(dataset(), recipe, LABEL)
    assert vendor.count("POST", "/files$") == 1


def test_a_file_that_is_rejected_names_the_reason(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    said = {"status": "error", "status_details": "Line 3 has no messages"}
    vendor.fault("GET", "/files/", merge=said)
    with pytest.raises(InvalidData, match="Line 3 has no messages"):
        provider.start(dataset(), recipe, LABEL)
    assert vendor.jobs == {}


def test_azures_state_and_training_type_are_known(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.scripts.say(states=["pending", "pending", "running", "succeeded"])
    options = {**recipe.options, "training_type": "GlobalStandard"}
    job = provider.start(dataset(), recipe.but(options=options), LABEL)
    assert provider.poll(job).status == "queued"
    (made,) = [seen for seen in vendor.log if seen.method == "POST" and seen.path.endswith("/jobs")]
    assert made.json["trainingType"] == "GlobalStandard"
