from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from records import Job, Price, Progress, Recipe, content_id, now
from settings import Settings
from web.app import create_app

HERE = ("127.0.0.1", 50000)
ELSEWHERE = ("192.0.2.7", 50000)


def scraped(client, **labels):
    """Every sample of the page, by name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.fixture
def scraper(app, shop):
    with TestClient(app, base_url="http://127.0.0.1", client=HERE, follow_redirects=False) as made:
        yield made


def add(shop, provider, status, **fields):
    made = content_id("job", provider, status, repr(fields))
    recipe = Recipe(base_model="any")
    return shop.registry.add_job(
        Job(id=made, name=made, provider=provider, status=status, dataset_id="d", recipe=recipe, **fields)
    )


def test_jobs_are_counted_by_provider_and_status_with_tokens_and_money(scraper, shop):
    price = Price(tokens=2_000_000, usd=6.0, per_million=3.0, as_of="2026-11-01")
    done = Progress(status="succeeded", metrics={"trained_tokens": 1_500_000.0})
    add(shop, "openai", "succeeded", estimate=price, progress=done)
    add(shop, "openai", "failed", estimate=price)
    add(shop, "openai", "failed")
    add(shop, "gpu", "succeeded", progress=Progress(status="succeeded", metrics={"tokens": 700.0}))
    seen = scraped(scraper)
    assert seen["luthier_jobs", "openai", "succeeded"] == 1
    assert seen["luthier_jobs", "failed", "openai"] == 2
    assert seen["luthier_trained_tokens", "openai"] == 1_500_000
    assert seen["luthier_trained_tokens", "gpu"] == 700
    assert seen["luthier_spend_usd", "estimated", "openai"] == 12.0
    assert seen["luthier_spend_usd", "billed", "openai"] == 4.5
    assert seen["luthier_spend_usd", "billed", "gpu"] == 0


def test_waiting_is_told_of_jobs_that_were_taken_and_of_the_oldest_that_is_queued(scraper, shop):
    hour = timedelta(hours=1)
    taken = add(shop, "openai", "in_progress", created_at=now() - 2 * hour)
    shop.registry.intend(taken.id, "openai", "key")
    shop.registry.record_remote(taken.id, "ftjob-1")
    add(shop, "openai", "queued", created_at=now() - hour)
    add(shop, "openai", "queued", created_at=now() - 3 * hour)
    seen = scraped(scraper)
    assert seen["luthier_queue_seconds_count", "openai"] == 1
    assert seen["luthier_queue_seconds_sum", "openai"] == pytest.approx(7200, abs=600)
    assert seen["luthier_oldest_queued_seconds", "openai"] == pytest.approx(10800, abs=600)


def test_requests_are_timed_by_route_and_never_by_what_a_client_makes_up(scraper):
    for path in ("/healthz", "/healthz", "/made-up/1", "/made-up/2", "/models/nobodys"):
        scraper.get(path)
    scraper.request("BREW", "/healthz")
    seen = scraped(scraper)
    assert seen["luthier_http_request_seconds_count", "/healthz", "200", "GET"] == 2
    routes = {name[1:] for name in seen if name[0] == "luthier_http_request_seconds_count"}
    assert not [
        labels for labels in routes if any("made-up" in label or "nobodys" in label for label in labels)
    ]
    assert not [labels for labels in routes if "BREW" in labels]


def test_elsewhere_and_through_a_proxy_nothing_is_told(app, shop, scraper):
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"X-Real-IP": "::1"}):
        assert scraper.get("/metrics", headers=headers).status_code == 404
    stranger = TestClient(app, base_url="http://127.0.0.1", client=ELSEWHERE)
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer guess"}):
        answer = stranger.get("/metrics", headers=headers)
        assert answer.status_code == 404 and "luthier_jobs" not in answer.text


def test_the_token_opens_the_page_from_anywhere(settings: Settings):
    app = create_app(settings.model_copy(update={"metrics_token": "s3same"}), host="0.0.0.0", runs=False)
    with TestClient(app, base_url="http://luthier.example", client=ELSEWHERE) as client:
        right, wrong = ({"Authorization": f"Bearer {token}"} for token in ("s3same", "s3sam"))
        assert client.get("/metrics", headers=right | {"X-Forwarded-For": "192.0.2.9"}).status_code == 200
        assert client.get("/metrics", headers=wrong).status_code == 404
