"""Large files go to Cloud Storage in parts; one that fails is sent again alone."""

from collections.abc import Callable
from typing import Any

import pytest

from providers.gemini.provider import Gemini
from records import Dataset, Recipe
from tests.providers.conftest import LABEL, PAIRS, pair
from tests.vendors.storage import StorageFront

PART = 4 * 1024**2
PUT = ("PUT", "/upload/")


@pytest.fixture
def big(dataset: Callable[..., Dataset]) -> Dataset:
    """Nine megabytes: three parts."""
    text = "and so on " * 3000
    return dataset([*PAIRS, *(pair(f"Where does item {number} go?", text) for number in range(310))])


@pytest.fixture
def provider(make: Callable[..., Gemini]) -> Gemini:
    made = make(timeout=30.0)
    made.staging.part_bytes = PART
    return made


def test_a_large_file_arrives_whole_and_once(
    provider: Gemini, files: StorageFront, big: Dataset, recipe: Recipe
) -> None:
    provider.start(big, recipe, LABEL)
    provider.start(big, recipe, "job-2")
    (blob,) = provider.staging.listed().values()
    assert blob.size is not None and blob.size > 2 * PART
    assert files.count(*PUT) == -(-blob.size // PART) == 3


@pytest.mark.parametrize("fault", [{"status": 503}, {"cut": True}])
def test_a_part_that_fails_is_sent_again_alone(
    provider: Gemini, files: StorageFront, big: Dataset, recipe: Recipe, fault: dict[str, Any]
) -> None:
    files.fault(*PUT, skip=1, **fault)
    provider.start(big, recipe, LABEL)
    assert len(provider.staging.listed()) == 1
    assert (files.count(*PUT), files.count("POST", "/upload/")) == (4, 1)


def test_an_upload_that_google_lost_is_started_anew(
    provider: Gemini, files: StorageFront, big: Dataset, recipe: Recipe
) -> None:
    files.fault(*PUT, skip=1, status=410, body={"error": {"code": 410, "message": "Session expired."}})
    provider.start(big, recipe, LABEL)
    assert len(provider.staging.listed()) == 1
    assert files.count("POST", "/upload/") == 2


def test_a_file_that_arrived_damaged_is_deleted_and_sent_anew(
    provider: Gemini, files: StorageFront, big: Dataset, recipe: Recipe
) -> None:
    # the part is stored, its answer is lost, and this storage, unlike Google's, then stores it twice
    files.fault(*PUT, skip=1, status=503, when="after")
    provider.start(big, recipe, LABEL)
    assert len(provider.staging.listed()) == 1
    assert files.count("POST", "/upload/") == 2
