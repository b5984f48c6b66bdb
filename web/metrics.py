"""/metrics for Prometheus: the jobs of all workers, from the registry, and how fast this server answers."""

import hmac
import time
from collections.abc import Iterator
from ipaddress import ip_address

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from errors import NotFound
from registry import Registry
from web.workshop import Shop

router = APIRouter(include_in_schema=False)

# a page, a chat's answer, an upload
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
# a client may make up others
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")


class Metrics:
    def __init__(self, registry: Registry) -> None:
        self.collectors = CollectorRegistry()
        self.collectors.register(Jobs(registry))
        self.latency = Histogram(
            "luthier_http_request_seconds",
            "From a request to the end of its answer.",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=self.collectors,
        )

    def text(self) -> bytes:
        return generate_latest(self.collectors)


def install(app: FastAPI, registry: Registry) -> None:
    app.state.metrics = Metrics(registry)
    app.add_middleware(Stopwatch, latency=app.state.metrics.latency)
    app.include_router(router)


class Jobs(Collector):
    """Gauges, as a job that is deleted or tried again takes its figures along."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def describe(self) -> list[GaugeMetricFamily]:
        # asked for at registration, when the database need not be there yet
        return []

    def collect(self) -> Iterator[GaugeMetricFamily | SummaryMetricFamily]:
        count = GaugeMetricFamily("luthier_jobs", "Jobs.", labels=("provider", "status"))
        tokens = GaugeMetricFamily("luthier_trained_tokens", "Tokens trained on.", labels=("provider",))
        spend = GaugeMetricFamily(
            "luthier_spend_usd",
            "Cost of trainings: as estimated before, and by the tokens that the vendor counted.",
            labels=("provider", "figure"),
        )
        oldest = GaugeMetricFamily(
            "luthier_oldest_queued_seconds", "Age of the oldest job that is queued.", labels=("provider",)
        )
        taken = SummaryMetricFamily(
            "luthier_queue_seconds", "From a job's making to its provider's yes.", labels=("provider",)
        )
        for provider, figures in sorted(self._registry.figures().items()):
            for status, number in sorted(figures.statuses.items()):
                count.add_metric((provider, status), number)
            tokens.add_metric((provider,), figures.trained_tokens)
            spend.add_metric((provider, "estimated"), figures.estimated)
            spend.add_metric((provider, "billed"), figures.billed)
            oldest.add_metric((provider,), figures.oldest_queued)
            taken.add_metric((provider,), figures.taken, figures.taken_after)
        yield from (count, tokens, spend, oldest, taken)


class Stopwatch:
    """Times every request by its route, so that ids and guesses at paths make no series of their own."""

    def __init__(self, app: ASGIApp, latency: Histogram) -> None:
        self.app, self.latency = app, latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, start = 500, time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.latency.labels(method, route, str(status)).observe(time.perf_counter() - start)


def may_read(request: Request, token: str) -> bool:
    """Programs on this machine, unless a proxy asks for somebody else; elsewhere whoever has the token."""
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    if any(name in request.headers for name in FORWARDED) or request.client is None:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@router.get("/metrics")
def metrics(request: Request, shop: Shop) -> Response:
    if not may_read(request, shop.settings.metrics_token):
        raise NotFound(
            "There is no such page.", "Metrics are for this machine, or with LUTHIER_METRICS_TOKEN."
        )
    return Response(request.app.state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
