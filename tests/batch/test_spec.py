"""Job specs: read with the line of every fault, and a schema that is up to date."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from batch.spec import JobSpec, read_spec, schema, schema_text
from errors import InvalidData

ROOT = Path(__file__).parents[2]
WHOLE = """\
name: Ticket router
alias: ticket-router
use_case: Route support tickets to a queue
sources: [tickets.csv, more/]
recipe:
  base_model: smollm2-135m
  epochs: 5
preparation:
  holdout: 0.2
schedule: weekly
notify: false
"""
SHORT = "name: A\nuse_case: Sort parcels\nsources: parcels.csv\n"


def test_a_spec_holds_what_a_model_is_made_of() -> None:
    spec = read_spec(WHOLE, "router.yaml")
    assert (spec.name, spec.alias, spec.schedule, spec.notify) == (
        "Ticket router",
        "ticket-router",
        "weekly",
        False,
    )
    assert spec.sources == ("tickets.csv", "more/")
    assert spec.recipe.epochs == 5 and spec.preparation.holdout == 0.2


def test_a_single_source_needs_no_list_and_the_rest_has_defaults() -> None:
    spec = read_spec(SHORT, "a.yaml")
    assert spec.sources == ("parcels.csv",) and spec.schedule == "nightly"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (SHORT + "recipe:\n  epoch: 3\n", "a.yaml, line 5: there is no key `epoch` in `recipe`", "`epochs`"),
        (SHORT + "base_model: x\n", "line 4: there is no key `base_model`", "belongs under `recipe`"),
        (SHORT + "shedule: weekly\n", "line 4: there is no key `shedule`", "`schedule`"),
        (SHORT + "schedule: hourly\n", "line 4: `schedule`: Input should be", "schema"),
        (SHORT + "recipe: {epochs: 99}\n", "line 4: `recipe.epochs`: Input should be less than", "schema"),
        (SHORT + "recipe: {options: {max_cost: .nan}}\n", "line 4: `recipe.options`", "schema"),
        (SHORT + "sources: b.csv\n", "line 4: `sources` stands in line 3 already", "Keep one"),
        (SHORT + "alias: Not Good\n", "line 4: `alias`", "schema"),
        ("name: A\nuse_case: Sort\n", "line 1: the key `sources` is missing", "schema"),
        ("name: A\n  use_case: [\n", "line 2: this is no YAML", "schema"),
        ("- a\n- b\n", "`key: value` lines", "schema"),
        ("", "`key: value` lines", "schema"),
        ("name: A\nx: &x [*x]\n", "a.yaml", ""),
        ("a: \x00", "no YAML", "schema"),
        ("#" * (1 << 19), "too long", "sources"),
    ],
)  # fmt: skip
def test_every_fault_is_told_with_its_line_and_the_nearest_right_name(
    text: str, message: str, hint: str
) -> None:
    with pytest.raises(InvalidData) as raised:
        read_spec(text, "a.yaml")
    assert message in raised.value.message and hint in raised.value.hint


def test_several_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidData) as raised:
        read_spec("nam: A\nuse_case: S\nsources: []\n", "a.yaml")
    assert all(
        part in raised.value.message for part in ("`nam`", "`use_case`", "`sources`", "`name` is missing")
    )


def test_the_published_schema_is_up_to_date() -> None:
    published = (ROOT / "docs" / "job-spec.schema.json").read_text("utf-8")
    assert published == schema_text(), "run `make schema`"


def test_the_schema_takes_and_refuses_what_the_reader_does() -> None:
    Draft202012Validator.check_schema(schema())
    checks = Draft202012Validator(json.loads(schema_text()))
    for text in (WHOLE, SHORT):
        assert checks.is_valid(yaml.safe_load(text))
    for wrong in ("base_model: x\n", "schedule: hourly\n", "recipe: {epochs: 99}\n", "alias: Not Good\n"):
        assert not checks.is_valid(yaml.safe_load(SHORT + wrong))


def test_what_a_spec_says_is_what_is_kept() -> None:
    spec = read_spec(WHOLE, "router.yaml")
    assert JobSpec.model_validate_json(spec.model_dump_json()) == spec
