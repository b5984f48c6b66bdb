"""A loopback Google Cloud: Vertex with a state for each test, fake-gcs-server for all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.oauth2.credentials import Credentials

from providers.gemini.provider import Gemini
from providers.patience import Patience
from records import Recipe
from tests.providers.conftest import TODAY
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.storage import StorageFront, make_bucket, storage


@pytest.fixture(scope="session")
def cloud_storage() -> Iterator[str]:
    with storage("first-bucket") as url:
        yield url


@pytest.fixture
def bucket(cloud_storage: str, tmp_path: Path) -> str:
    """Empty, for this test alone."""
    name = f"bucket-{abs(hash(tmp_path)):x}"
    make_bucket(cloud_storage, name)
    return name


@pytest.fixture
def files(cloud_storage: str) -> Iterator[StorageFront]:
    with StorageFront(cloud_storage) as front:
        yield front


@pytest.fixture
def vendor(files: StorageFront, cloud_storage: str) -> Iterator[GeminiVendor]:
    with GeminiVendor(cloud_storage) as made:
        yield made
    assert made.violations == []
    assert made.breaches == []


@pytest.fixture
def make(vendor: GeminiVendor, files: StorageFront, bucket: str, patience: Patience) -> Callable[..., Gemini]:
    def provider(**changes: object) -> Gemini:
        account = {"refresh_token": "r", "client_id": "c", "client_secret": "s"}
        signing = Credentials(None, token_uri=f"{vendor.url}/token", **account)
        arguments = {
            "project": "loopback",
            "location": "us-central1",
            "bucket": bucket,
            "credentials": signing,
            "endpoint": vendor.url,
            "storage_endpoint": files.url,
            "patience": patience,
            "today": lambda: TODAY,
            "timeout": 5.0,
        }
        return Gemini(**{**arguments, **changes})  # type: ignore[arg-type]

    return provider


@pytest.fixture
def provider(make: Callable[..., Gemini]) -> Gemini:
    return make()


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(base_model="gemini-3.5-flash")
