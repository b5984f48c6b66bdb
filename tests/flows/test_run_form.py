"""The form of fine-tune in Prefect's own pages, filled in as a person does it."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Response, expect, sync_playwright

from flows.fine_tune import fine_tune
from tests.workplace import Workplace

PATIENCE = 60_000


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1280, "height": 1400})
        opened.set_default_timeout(PATIENCE)
        yield opened
        browser.close()


def submitted(page: Page) -> Response:
    with page.expect_response(re.compile("/create_flow_run$")) as answer:
        page.get_by_role("button", name="Submit").click()
    return answer.value


def test_a_run_is_started_by_filling_in_its_form(
    page: Page, workplace: Workplace, tiny_base: str, parcels: Path
) -> None:
    deployment = workplace.deployment("fine-tune/own-hardware")["id"]
    page.goto(f"{workplace.url.removesuffix('/api')}/v2/deployments/deployment/{deployment}/run")
    page.get_by_label("Use case (Optional)").fill("Sort parcels into depots")
    page.get_by_role("button", name="Add item").first.click()
    page.locator("textarea").nth(1).fill(str(parcels))
    page.get_by_role("tab", name="Another model, by its hub id or the folder that it lies in").click()
    page.locator("textarea").nth(2).fill(tiny_base)
    epochs = page.get_by_role("tab", name="A number").first
    epochs.click()
    page.locator("input[type=number]").first.fill("1")
    # the form says when the server's SQLite was locked, and a person clicks again
    while submitted(page).status == httpx.codes.SERVICE_UNAVAILABLE:
        time.sleep(1)
    expect(page).not_to_have_url(re.compile("/run$"), timeout=PATIENCE)

    run = next(run for run in workplace.runs() if run["deployment_id"] == deployment)
    given = fine_tune.validate_parameters(run["parameters"])
    assert (given["sources"], given["use_case"]) == ([str(parcels)], "Sort parcels into depots")
    assert (given["recipe"].base_model, given["recipe"].epochs) == (tiny_base, 1)
