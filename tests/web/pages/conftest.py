"""The web application over a registry of its own, with models, jobs and data written straight into it."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect, sync_playwright

from registry import Registry
from settings import Settings
from tests.vendors.loopback import Reply, Request
from tests.vendors.openai_vendor import OpenAIVendor
from tests.web.on_loopback import on_loopback
from tests.web.pages.browser import Console
from tests.web.pages.shelf import Shelf
from web.app import create_app

# a machine that trains meanwhile is slow to answer
PATIENCE = 30_000
TUNED = "ft:gpt-4.1-mini-2025-04-14:loopback::tickets"


class Chatty(OpenAIVendor):
    """A vendor that repeats what it is told; a question with `slowly` in it is answered word by word."""

    def __init__(self) -> None:
        super().__init__(checked=False)
        self.heard: list[list[dict[str, str]]] = []

    def chat(self, request: Request) -> Reply:
        self.heard.append(request.json["messages"])
        reply = super().chat(request)
        if reply.stream and "slowly" in request.body.decode():
            reply.stream = slowed(reply.stream)  # type: ignore[assignment]
        return reply


def slowed(pieces: list[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        time.sleep(0.05)
        yield piece


@pytest.fixture
def vendor() -> Iterator[Chatty]:
    with Chatty() as made:
        made.shutdowns[TUNED] = None
        yield made


@pytest.fixture
def app(tmp_path: Path, vendor: Chatty) -> FastAPI:
    settings = Settings(
        home=tmp_path / "home",
        openai_api_key="sk-test",
        openai_base_url=f"{vendor.url}/v1",
        upload_bytes=2_000_000,
        _env_file=None,
    )
    return create_app(settings, runs=False)


@pytest.fixture
def registry(app: FastAPI) -> Registry:
    found: Registry = app.state.workshop.registry
    found.owner()
    return found


@pytest.fixture
def client(app: FastAPI, registry: Registry) -> Iterator[TestClient]:
    """Signed in as the owner."""
    with TestClient(app, base_url="http://127.0.0.1") as made:
        made.get(app.state.workshop.door.new_link())
        yield made


@pytest.fixture
def shelf(registry: Registry, tmp_path: Path) -> Shelf:
    return Shelf(registry, tmp_path / "shelf")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def address(app: FastAPI, registry: Registry) -> Iterator[str]:
    """Of the application, served on loopback."""
    with on_loopback(app) as address:
        yield address


@pytest.fixture
def console() -> Console:
    return Console()


@pytest.fixture
def page(chromium: Browser, app: FastAPI, address: str, console: Console) -> Iterator[Page]:
    """A tab of the owner's browser. Whatever the test does, nothing may be said on its console."""
    context = chromium.new_context(base_url=address, viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    context.set_default_timeout(PATIENCE)
    made = context.new_page()
    console.listen(made)
    made.goto(app.state.workshop.door.new_link())
    yield made
    context.close()
    assert console.said == []
