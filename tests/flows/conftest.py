"""A Prefect server with a process worker, and the loopback OpenAI that their flows talk to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vendors.life import Pace
from tests.vendors.openai_vendor import OpenAIVendor
from tests.workplace import Workplace

BASES = Path(__file__).parents[1] / "vendors" / "bases.toml"


@pytest.fixture(scope="session")
def hosted() -> Iterator[OpenAIVendor]:
    """Its jobs run until a test lets them end (`hosted.pace.seconds = 0`)."""
    with OpenAIVendor(pace=Pace(polls=10**9), checked=False) as vendor:
        yield vendor


@pytest.fixture(scope="session")
def workplace(hosted: OpenAIVendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """All deployments of prefect.yaml and one worker; the schedule of sync-jobs rests."""
    settings = {
        "OPENAI_BASE_URL": f"{hosted.url}/v1",
        "OPENAI_API_KEY": "sk-loopback",
        "LUTHIER_BASES_FILE": str(BASES),
        "LUTHIER_POLL_SECONDS": "0.1",
    }
    with Workplace(tmp_path_factory.mktemp("workplace"), **settings) as place:
        place.deploy()
        place.start_worker()
        yield place
