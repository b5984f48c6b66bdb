"""What is known before money is spent: price, limits, and base models that close or die."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from errors import NotConfigured, Refused
from providers.openai.provider import OpenAI
from records import Dataset, Finding, Recipe
from tests.providers.conftest import LABEL, PAIRS, pair
from tests.vendors.openai_vendor import OpenAIVendor

Make = Callable[..., OpenAI]
MakeDataset = Callable[..., Dataset]


def rules(found: list[Finding]) -> dict[str, Finding]:
    return {finding.rule: finding for finding in found}


def test_the_price_is_tokens_times_epochs_times_the_catalogues_price(
    provider: OpenAI, dataset: MakeDataset, recipe: Recipe
) -> None:
    estimate = provider.price(dataset(), recipe.but(epochs=4))
    assert estimate is not None
    assert estimate.tokens % 4 == 0
    assert estimate.usd == pytest.approx(estimate.tokens * 5 / 1e6)
    told = rules(provider.check(dataset(), recipe.but(epochs=4)))["price"].message
    assert f"{estimate.tokens:,} tokens" in told
    assert "2026-06-01" in told


def test_a_job_above_the_limit_is_refused_before_anything_is_sent(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    tight = recipe.but(options={**recipe.options, "max_cost": 0.0001})
    for ask in (lambda: provider.check(dataset(), tight), lambda: provider.start(dataset(), tight, LABEL)):
        with pytest.raises(Refused, match=r"above the limit of \$0\.0001"):
            ask()
    assert vendor.files == {}


def test_a_job_below_the_limit_goes_through(provider: OpenAI, dataset: MakeDataset, recipe: Recipe) -> None:
    assert provider.start(dataset(), recipe.but(options={**recipe.options, "max_cost": 1.0}), LABEL)


def test_a_dying_base_asks_for_the_persons_word(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.shutdowns[recipe.base_model] = "2027-01-14"
    careless = recipe.but(options={})
    for ask in (
        lambda: provider.check(dataset(), careless),
        lambda: provider.start(dataset(), careless, LABEL),
    ):
        with pytest.raises(Refused, match="would stop answering on 2027-01-14, in 53 days") as raised:
            ask()
        # who ordered by Prefect's form reads it too
        assert "--accept-retirement" in raised.value.hint
        assert '"accept_retirement": true' in raised.value.hint
        assert "gpt-6-luna" in raised.value.hint
    assert vendor.count("POST", ".") == 0
    assert "2027-01-14" in rules(provider.check(dataset(), recipe))["retirement"].message


def test_a_base_that_is_gone_is_refused_with_its_successor_even_without_a_key(
    make: Make, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    gone = recipe.but(base_model="gpt-4.1-nano-2025-04-14")
    for provider in (make(), make(api_key="")):
        with pytest.raises(Refused, match="was shut down on 2026-10-23") as raised:
            provider.check(dataset(), gone)
        assert "GPT-5.6" in raised.value.hint
    with pytest.raises(Refused, match="was shut down"):
        make().start(dataset(), gone, LABEL)
    assert vendor.count("POST", ".") == 0


def test_a_base_that_was_never_tunable_is_refused(
    make: Make, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.shutdowns["gpt-4o-2024-11-20"] = None
    with pytest.raises(Refused, match="does not offer it for tuning"):
        make().check(dataset(), recipe.but(base_model="gpt-4o-2024-11-20"))


def test_a_base_is_refused_after_the_last_day_for_new_jobs(
    make: Make, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.shutdowns[recipe.base_model] = "2027-01-14"
    assert make(today=lambda: date(2027, 1, 6)).check(dataset(), recipe)
    with pytest.raises(Refused, match="no new jobs since 2027-01-06"):
        make(today=lambda: date(2027, 1, 7)).check(dataset(), recipe)


def test_the_vendors_own_date_wins_over_the_files(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    vendor.shutdowns[recipe.base_model] = "2028-06-30"
    assert "2028-06-30" in rules(provider.check(dataset(), recipe.but(options={})))["retirement"].message
    vendor.shutdowns[recipe.base_model] = "2026-11-20"
    with pytest.raises(Refused, match="was shut down on 2026-11-20"):
        provider.check(dataset(), recipe)


def test_an_operators_file_changes_the_dates(
    make: Make, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe, tmp_path: Path
) -> None:
    own = tmp_path / "bases.toml"
    own.write_text('["gpt-4.1-mini-2025-04-14"]\ninference_until = 2029-01-01\ntraining_price = 8.0\n')
    vendor.shutdowns[recipe.base_model] = None
    found = rules(make(bases_file=own).check(dataset(), recipe.but(options={})))
    assert "$8 per million" in found["price"].message
    assert "2029-01-01" in found["retirement"].message


def test_a_base_that_the_vendor_does_not_show_us_is_refused(
    provider: OpenAI, vendor: OpenAIVendor, dataset: MakeDataset, recipe: Recipe
) -> None:
    del vendor.shutdowns[recipe.base_model]
    with pytest.raises(Refused, match="does not exist"):
        provider.check(dataset(), recipe)


def test_a_missing_key_is_named(make: Make, dataset: MakeDataset, recipe: Recipe) -> None:
    with pytest.raises(NotConfigured, match="OPENAI_API_KEY"):
        make(api_key="").check(dataset(), recipe)


def test_too_few_and_too_long_examples_are_named(
    make: Make, dataset: MakeDataset, recipe: Recipe, tmp_path: Path
) -> None:
    own = tmp_path / "bases.toml"
    own.write_text('["gpt-4.1-mini-2025-04-14"]\nexample_tokens = 60\n')
    long = pair("Where do the lamps go, " * 30, "shelf 0")
    made = dataset([*PAIRS[:8], long])
    found = rules(make(bases_file=own).check(made, recipe))
    assert "at least 10 training examples; there are 9" in found["minimum examples"].message
    assert "Training example 9 is longer than the 60 tokens" in found["tokens per example"].message
    lineage = tmp_path / "lineage.jsonl"
    source = {"uri": "s3://data/mails.csv", "row": 12}
    lineage.write_text(json.dumps({"split": "train", "line": 9, "kind": "chat", "sources": [source]}) + "\n")
    found = rules(make(bases_file=own).check(made.but(lineage_uri=str(lineage)), recipe))
    assert "example 9 (mails.csv, row 12) is longer" in found["tokens per example"].message


def test_what_openai_does_not_take_is_told(provider: OpenAI, dataset: MakeDataset, recipe: Recipe) -> None:
    assert "no rank" in rules(provider.check(dataset(), recipe.but(rank=8)))["ignored"].message


def test_an_unknown_option_is_refused(provider: OpenAI, dataset: MakeDataset, recipe: Recipe) -> None:
    with pytest.raises(Refused, match="option 'colour'") as raised:
        provider.check(dataset(), recipe.but(options={"colour": "red"}))
    assert "max_cost" in raised.value.hint


@pytest.mark.parametrize(("examples", "epochs"), [(4, 25), (12, 8), (50, 3), (5000, 3), (20_000, 1)])
def test_epochs_are_planned_by_the_number_of_examples(
    make: Make, dataset: MakeDataset, recipe: Recipe, examples: int, epochs: int
) -> None:
    made = dataset()
    sized = made.but(report=made.report.but(train=examples))
    assert make().plan(sized, recipe).epochs == epochs
    assert make().plan(sized, recipe.but(epochs=2)).epochs == 2


def test_live_dates_can_be_listed(provider: OpenAI, vendor: OpenAIVendor) -> None:
    vendor.shutdowns = {"a": "2027-01-14", "b": None}
    assert provider.shutdowns() == {"a": date(2027, 1, 14)}
