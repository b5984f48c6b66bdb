from datetime import date
from pathlib import Path

import pytest

from providers.catalogue import Base
from providers.quotes import quotes
from records import Dataset, Report
from tests.providers.conftest import PAIRS

DAY = date(2026, 11, 22)


def base(name: str, **fields: object) -> Base:
    given = {"id": name, "provider": "openai", "context": 4096, "example_tokens": 4096, **fields}
    return Base.model_validate(given)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    import json

    uri = tmp_path / "train.jsonl"
    uri.write_text("".join(json.dumps(one) + "\n" for one in PAIRS), "utf-8")
    places = dict.fromkeys(("train_uri", "holdout_uri", "lineage_uri", "drops_uri"), str(uri))
    report = Report(train=len(PAIRS))
    return Dataset(id="ds-1", use_case="Name the shelf", kind="chat", report=report, **places)


def test_the_cheapest_base_comes_first(dataset: Dataset) -> None:
    found = quotes(dataset, [base("dear", training_price=25.0), base("cheap", training_price=3.0)], DAY)
    assert [quote.base_model for quote in found] == ["cheap", "dear"]
    assert found[0].price.tokens > 0 and found[1].price.usd > found[0].price.usd > 0


def test_a_base_without_a_price_or_a_future_has_no_quote(dataset: Dataset) -> None:
    closed = base("closed", training_price=1.0, tunable_until=date(2026, 1, 1))
    assert quotes(dataset, [base("unpriced"), closed], DAY) == ()
