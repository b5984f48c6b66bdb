"""Three requests in ten fail, in any of seven ways, and the list lags: still one job for each label."""

from collections.abc import Callable
from random import Random

import pytest

from errors import Unavailable
from providers.gemini.provider import Gemini
from records import Dataset, Recipe
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.storage import StorageFront


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_every_label_has_exactly_one_job_and_the_file_is_sent_once(
    make: Callable[..., Gemini],
    vendor: GeminiVendor,
    files: StorageFront,
    dataset: Callable[..., Dataset],
    recipe: Recipe,
    lag: int,
) -> None:
    made, vendor.list_lag = dataset(), lag
    for seed in range(6):
        vendor.chaos = (Random(seed + 10 * lag), 0.3)
        files.chaos = (Random(seed), 0.2)
        for _ in range(50):
            try:
                # a new provider each time, as after a crash
                make().start(made, recipe, f"job-{seed}")
                break
            except Unavailable:
                continue
        else:
            raise AssertionError("the job was never started")
    labels = [job["labels"]["luthier_job"] for job in vendor.jobs.values()]
    assert sorted(labels) == [f"job-{seed}" for seed in range(6)]
    vendor.chaos = files.chaos = None
    assert len(make().staging.listed()) == 1
