"""What is typed after `--option` and `--max-cost`, on its way to a recipe."""

import pytest

from cli.options import provider_options, recipe_of
from cli.terminal import WrongUsage


def test_values_that_read_as_json_are_taken_as_such() -> None:
    assert provider_options(["a=1", "b=true", "c=x", "d=NaN"], True, 5.0) == {
        "a": 1, "b": True, "c": "x", "d": "NaN", "accept_retirement": True, "max_cost": 5.0,
    }  # fmt: skip


@pytest.mark.parametrize("limit", [float("nan"), float("inf")])
def test_a_cost_limit_that_limits_nothing_is_refused(limit: float) -> None:
    with pytest.raises(WrongUsage, match="no cost limit"):
        provider_options(None, False, limit)
    with pytest.raises(ValueError, match="finite"):
        recipe_of("smollm2-135m", options={"max_cost": limit})
