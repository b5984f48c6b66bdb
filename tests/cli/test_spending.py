"""What the vendors billed, of each job and in total, also where nobody knows the price."""

import sys
from pathlib import Path

import pytest

import cli
from cli import terminal
from records import Job, Price, Progress, Recipe
from tasks.wiring import open_registry

ESTIMATE = Price(tokens=100_000, usd=0.5, per_million=5.0, as_of="2026-06-01")


def job(base: str, provider: str, tokens: int, estimate: Price | None = None) -> Job:
    recipe = Recipe(base_model=base)
    progress = Progress(status="succeeded", metrics={"trained_tokens": float(tokens)} if tokens else {})
    return Job(
        id=Job.id_for("d", recipe, 1), name=f"Depots by {base}", status="succeeded", provider=provider,
        dataset_id="d", recipe=recipe, progress=progress, estimate=estimate,
    )  # fmt: skip


def said(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(terminal.out, "width", 200)
    monkeypatch.setattr(sys, "argv", ["luthier", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    return capfd.readouterr().out


def test_billed_tokens_and_dollars_are_told_by_job_and_in_total(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    registry = open_registry()
    registry.add_job(job("gpt-4.1-mini-2025-04-14", "openai", 120_000, ESTIMATE))
    registry.add_job(job("smollm2-135m", "gpu", 0))
    listed = said(monkeypatch, capfd, "jobs")
    (paid,) = [line for line in listed.splitlines() if "Depots by gpt" in line]
    assert "120,000" in paid and "$0.60" in paid
    assert "Vendors billed 120,000 tokens of one job, about $0.60; estimated were $0.50." in listed


def test_tokens_are_told_where_nobody_knows_their_price(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    registry = open_registry()
    registry.add_job(job("gpt-4.1-mini-2025-04-14", "openai", 120_000, ESTIMATE))
    unpriced = registry.add_job(job("gemini-3.5-flash", "gemini", 7_000))
    listed = said(monkeypatch, capfd, "jobs")
    assert "127,000 tokens of 2 jobs, about $0.60" in listed
    assert "The price of 1 of them is not known." in listed
    shown = said(monkeypatch, capfd, "jobs", "show", unpriced.id)
    assert "7,000 tokens, at a price that is not known" in shown
