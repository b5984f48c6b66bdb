"""The catalogue of base models, and an operator's own file."""

from datetime import date
from pathlib import Path

import pytest

from errors import NotConfigured, Refused
from providers.catalogue import bases, find

TODAY = date(2026, 11, 22)


def test_every_family_of_the_three_providers_is_there() -> None:
    families = {(base.provider, base.family) for base in bases().values()}
    assert families >= {
        ("openai", "GPT-4.1"), ("openai", "GPT-4o"), ("gemini", "Gemini 2.5"), ("gemini", "Gemini 3.5"),
        ("gemini", "Gemini 3.1"), ("gpu", "Qwen3"), ("gpu", "Qwen3.5"), ("gpu", "SmolLM2"),
    }  # fmt: skip


def test_every_hosted_base_says_when_it_ends_and_every_price_when_it_was_read() -> None:
    for base in bases().values():
        assert base.provider == "gpu" or base.inference_until, base.id
        assert (base.training_price is None) or base.price_as_of, base.id
        if base.tunable_until and base.inference_until:
            assert base.tunable_until < base.inference_until, base.id


def test_what_can_be_tuned_on_a_day_follows_from_the_dates() -> None:
    tunable = {base.id for base in bases().values() if base.provider != "gpu" and base.tunable_on(TODAY)}
    assert tunable == {
        "gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18",
        "gemini-3.5-flash", "gemini-3.5-flash-lite", "gemini-3.1-flash-lite",
    }  # fmt: skip
    mini = find("gpt-4.1-mini-2025-04-14")
    assert mini.tunable_on(date(2027, 1, 6))
    assert not mini.tunable_on(date(2027, 1, 7))
    assert not mini.with_shutdown(TODAY).tunable_on(TODAY)
    assert mini.with_shutdown(None) == mini


def test_only_gemini_pro_is_premium() -> None:
    assert [base.id for base in bases().values() if base.premium] == ["gemini-2.5-pro"]


def test_an_operators_file_adds_and_changes(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '["gemini-3.5-flash"]\ntraining_price = 7.5\n\n'
        '["gpt-9"]\nprovider = "openai"\ncontext = 1000\nexample_tokens = 500\n'
    )
    assert find("gemini-3.5-flash", own).training_price == 7.5
    assert find("gemini-3.5-flash", own).context == 1048576
    assert find("gpt-9", own).provider == "openai"


# below every cost limit, and above none
PRICED = '["gpt-4.1-mini-2025-04-14"]\ntraining_price = %s\n'


@pytest.mark.parametrize(
    "text", ["[broken", '["a"]\ncolour = "red"\n', "a = 1\n", PRICED % "-5", PRICED % "nan"]
)
def test_a_wrong_file_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(NotConfigured, match=r"own\.toml"):
        bases(own)


def test_a_name_that_is_nearly_right_gets_a_suggestion() -> None:
    with pytest.raises(Refused, match=r"Did you mean 'gpt-4\.1-mini-2025-04-14'"):
        find("gpt-4.1-mini")
    with pytest.raises(Refused, match="luthier bases"):
        find("something-else-entirely")


def test_a_hub_id_or_a_folder_is_own_hardware(tmp_path: Path) -> None:
    assert find("someone/some-model").provider == find(str(tmp_path)).provider == "gpu"
