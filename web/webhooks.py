"""/webhooks/openai: OpenAI tells that a job has ended, which is then asked for at once.

It only accelerates: what a notice says is not believed but asked for, and without any the jobs are asked for
as always.
"""

import logging
import time
from typing import cast

from fastapi import APIRouter, BackgroundTasks, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

import providers
from errors import InvalidData, LuthierError, Refused
from providers import Notice, TellsByWebhook
from waiting.parking import wake
from web.faults import BadRequest, BadSignature
from web.workshop import Shop, Workshop

log = logging.getLogger("luthier.web")
router = APIRouter(include_in_schema=False)

# the signature's time may be so far from ours, before or after
REMEMBER_SECONDS = 2 * 300.0


class Deliveries:
    """Which notices were taken in, as long as a copy of one would still be believed."""

    def __init__(self) -> None:
        self._taken: dict[str, float] = {}

    def is_new(self, id: str) -> bool:
        moment = time.monotonic()
        while self._taken and next(iter(self._taken.values())) < moment - REMEMBER_SECONDS:
            del self._taken[next(iter(self._taken))]
        if id in self._taken:
            return False
        self._taken[id] = moment
        return True


deliveries = Deliveries()


@router.post("/webhooks/openai", status_code=204)
async def openai(request: Request, shop: Shop, tasks: BackgroundTasks) -> Response:
    """Raises BadSignature (401) and, for what is old or can't be read, BadRequest (400)."""
    notice = await run_in_threadpool(_opened, shop, await request.body(), dict(request.headers))
    if notice.job and deliveries.is_new(notice.id):
        tasks.add_task(look_at, shop, "openai", notice.job)
    return Response(status_code=204, background=tasks)


def _opened(shop: Workshop, body: bytes, headers: dict[str, str]) -> Notice:
    arguments = shop.settings.provider_arguments("openai")
    provider = cast(TellsByWebhook, providers.get("openai", **arguments))
    try:
        return provider.notice(body, headers, shop.settings.openai_webhook_secret)
    except Refused as error:
        raise BadSignature(error.message, error.hint) from error
    except InvalidData as error:
        raise BadRequest(error.message, error.hint) from error


def look_at(shop: Workshop, provider: str, remote_id: str) -> None:
    """Ask for that one job, and have go on what waits for it. A job of somebody else's is none of ours."""
    job = shop.registry.job_at(provider, remote_id)
    if job is None or not job.waits:
        return
    runner = shop.work.runner
    try:
        if runner.polling.look(job).waits:
            return
        runner.look()
        if shop.settings.prefect_api_url:
            wake(shop.registry.carriers(job.id), "OpenAI told that the job has ended.")
    except LuthierError as error:
        log.warning(
            "OpenAI told of %s, but it could not be looked at: %s", job.id, error, extra={"job": job.id}
        )
