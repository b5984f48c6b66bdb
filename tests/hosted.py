"""Hosted vendors on loopback for tests that run whole flows: bases that live on, answers without waiting."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from settings import settings
from tests.vendors.__main__ import BUCKET, google
from tests.vendors.gemini_vendor import GeminiVendor
from tests.vendors.life import Pace
from tests.vendors.openai_vendor import OpenAIVendor
from tests.vendors.storage import storage

HOSTED = "gpt-4.1-mini-2025-04-14"
BASES = Path(__file__).with_name("vendors") / "bases.toml"


@contextmanager
def openai(
    monkeypatch: pytest.MonkeyPatch, lives_on: bool = True, jobs_end: bool = True
) -> Iterator[OpenAIVendor]:
    with OpenAIVendor(pace=Pace(polls=1)) as made:
        if not jobs_end:
            made.pace.seconds = 10**9
        monkeypatch.setenv("OPENAI_BASE_URL", f"{made.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-loopback")
        monkeypatch.setenv("LUTHIER_POLL_SECONDS", "0.05")
        if lives_on:
            made.shutdowns = dict.fromkeys(made.shutdowns)
            monkeypatch.setenv("LUTHIER_BASES_FILE", str(BASES))
        settings.cache_clear()
        yield made


@contextmanager
def gemini(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[GeminiVendor]:
    """`folder`: where the key of the service account is put."""
    with storage(BUCKET) as files, GeminiVendor(files, pace=Pace(polls=1)) as made:
        for name, value in google(made.url, files, folder).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LUTHIER_POLL_SECONDS", "0.05")
        monkeypatch.setenv("LUTHIER_BASES_FILE", str(BASES))
        settings.cache_clear()
        yield made
