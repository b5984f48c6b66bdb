"""Three requests in ten fail, in any of seven ways, and the list lags: still one job for each label."""

from collections.abc import Callable
from random import Random

import pytest

from errors import Unavailable
from providers.openai.provider import OpenAI
from records import Dataset, Recipe
from tests.vendors.openai_vendor import OpenAIVendor


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_every_label_has_exactly_one_job_and_the_file_is_sent_once(
    make: Callable[..., OpenAI],
    vendor: OpenAIVendor,
    dataset: Callable[..., Dataset],
    recipe: Recipe,
    lag: int,
) -> None:
    made, vendor.list_lag = dataset(), lag
    for seed in range(6):
        vendor.chaos = (Random(seed + 10 * lag), 0.3)
        for _ in range(50):
            try:
                # a new provider each time, as after a crash
                make().start(made, recipe, f"job-{seed}")
                break
            except Unavailable:
                continue
        else:
            raise AssertionError("the job was never started")
    labels = [job["metadata"]["luthier_job"] for job in vendor.jobs.values()]
    assert sorted(labels) == [f"job-{seed}" for seed in range(6)]
    assert sum(file["purpose"] == "fine-tune" for file in vendor.files.values()) == 1
