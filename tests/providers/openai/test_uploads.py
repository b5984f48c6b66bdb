"""Large files go in parts; a rerun sends only what is missing."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from errors import Unavailable
from providers.openai.provider import OpenAI
from providers.patience import ONCE
from records import Dataset, Recipe
from tests.providers.conftest import LABEL, pair
from tests.vendors.openai_vendor import OpenAIVendor

PARTS = "/parts$"
Make = Callable[..., OpenAI]


@pytest.fixture
def big(dataset: Callable[..., Dataset]) -> Dataset:
    return dataset([pair(f"Where does item {number} go?", f"shelf {number} " * 20) for number in range(40)])


def sent(vendor: OpenAIVendor) -> int:
    return vendor.count("POST", PARTS, 200)


def test_a_large_file_arrives_whole(make: Make, vendor: OpenAIVendor, big: Dataset, recipe: Recipe) -> None:
    make(part_bytes=4000).start(big, recipe, LABEL)
    (file,) = vendor.files.values()
    assert file["filename"] == f"luthier-{hashlib.sha256(file['content']).hexdigest()}.jsonl"
    assert sent(vendor) == -(-file["bytes"] // 4000) > 2
    assert vendor.count("POST", "/files$") == 0


def test_a_part_that_fails_is_sent_again_alone(
    make: Make, vendor: OpenAIVendor, big: Dataset, recipe: Recipe
) -> None:
    vendor.fault("POST", PARTS, skip=1, status=503)
    vendor.fault("POST", "/complete$", status=500)
    make(part_bytes=4000).start(big, recipe, LABEL)
    (file,) = vendor.files.values()
    assert sent(vendor) == -(-file["bytes"] // 4000)
    assert vendor.count("POST", "/uploads$") == 1


def test_a_rerun_goes_on_with_the_parts_that_arrived(
    make: Make, vendor: OpenAIVendor, big: Dataset, recipe: Recipe, tmp_path: Path
) -> None:
    vendor.fault("POST", PARTS, skip=2, cut=True)
    with pytest.raises(Unavailable):
        make(part_bytes=4000, home=tmp_path, patience=ONCE).start(big, recipe, LABEL)
    assert sent(vendor) == 2
    make(part_bytes=4000, home=tmp_path).start(big, recipe, LABEL)
    (file,) = vendor.files.values()
    assert sent(vendor) == -(-file["bytes"] // 4000)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_completed_upload_whose_answer_was_lost_is_found(
    make: Make, vendor: OpenAIVendor, big: Dataset, recipe: Recipe
) -> None:
    vendor.fault("POST", "/complete$", cut=True, when="after")
    make(part_bytes=4000).start(big, recipe, LABEL)
    assert (len(vendor.files), len(vendor.jobs)) == (1, 1)
    assert vendor.count("POST", "/uploads$") == 1
