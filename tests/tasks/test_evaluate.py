"""A trained model whose vendor lets one of the two models not be asked."""

from pathlib import Path
from typing import Any

import pytest

import launch
from errors import Refused
from records import Recipe, TunedModel
from tests.hosted import HOSTED, openai

pytestmark = pytest.mark.usefixtures("prefect_server")


def asked(source: Path, evaluate_on: int) -> dict[str, Any]:
    return {
        "sources": [str(source)],
        "use_case": "Sort parcels into depots",
        "recipe": Recipe(base_model=HOSTED, epochs=1, options={"evaluate_on": evaluate_on}),
    }


def test_a_model_that_can_not_be_measured_can_be_published_unmeasured(
    home: Path, parcels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is not bought anew for that."""
    with openai(monkeypatch) as vendor:
        gone = {"error": {"message": "The model does not exist", "code": "model_not_found"}}
        vendor.fault("POST", "/chat/completions$", times=-1, status=404, body=gone)
        with pytest.raises(Refused, match="does not exist") as raised:
            launch.run("fine_tune", asked(parcels, 2))
        assert "--option evaluate_on=0" in raised.value.hint
        model = launch.run("fine_tune", asked(parcels, 0))
        assert isinstance(model, TunedModel) and model.evaluation
        assert model.evaluation.holdout_examples == 0
        assert len(vendor.jobs) == 1
