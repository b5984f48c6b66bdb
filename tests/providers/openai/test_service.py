"""Other services of the protocol, by OPENAI_BASE_URL: what is different at Azure."""

from collections.abc import Callable
from pathlib import Path

import pytest

from errors import InvalidData, NotConfigured, Unavailable
from providers.openai.provider import OpenAI
from records import Dataset, Recipe
from tests.encrypted import untrusted
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


@pytest.mark.parametrize(
    "address", ["api.openai.com/v1", "http://[::1/v1", "http://127.0.0.1:99999/v1", "https:///v1"]
)
def test_an_address_that_is_none_is_named_and_not_asked_again(
    make: Make, address: str, waits: list[float]
) -> None:
    with pytest.raises(NotConfigured, match="OPENAI_BASE_URL is no address"):
        make(base_url=address).find(LABEL)
    assert waits == []


def test_a_key_that_can_be_none_is_told_from_one_that_ends_with_a_line(
    make: Make, vendor: OpenAIVendor
) -> None:
    assert make(api_key="sk-x\n").find(LABEL) is None
    for key in ("sk-\u00fc", "sk-a\nsk-b"):
        with pytest.raises(NotConfigured, match="no key has"):
            make(api_key=key).find(LABEL)
    with pytest.raises(NotConfigured, match="no API key"):
        make(api_key=" \n").find(LABEL)


def test_a_certificate_that_is_not_trusted_is_no_passing_fault(
    make: Make, tmp_path: Path, waits: list[float]
) -> None:
    with untrusted(tmp_path) as address:
        provider = make(base_url=f"{address}/v1")
        with pytest.raises(NotConfigured, match=r"not trusted.*self-signed") as raised:
            provider.find(LABEL)
        assert "SSL_CERT_FILE" in raised.value.hint and waits == []
        with pytest.raises(Unavailable, match="not trusted"):
            provider.poll("ftjob-1")
