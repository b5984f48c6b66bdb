"""Who is asking is settled before a body is read: nobody unknown may send half a gigabyte."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from errors import LuthierError
from web.faults import DOCUMENT, answered, is_api, is_webhook
from web.guard import SAFE_METHODS
from web.session import Door

# the description of the API is no secret
OPEN = frozenset({DOCUMENT})


class Gate:
    def __init__(self, app: ASGIApp, door: Door):
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            try:
                if is_api(request) and request.url.path not in OPEN:
                    await run_in_threadpool(self.door.key_holder, request)
                elif needs_session(request):
                    await run_in_threadpool(self.door.signed_in, request)
            except LuthierError as error:
                await answered(request, error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def needs_session(request: Request) -> bool:
    path = request.url.path
    # a webhook proves itself by its signature
    elsewhere = is_api(request) or is_webhook(request) or path in ("/login", "/logout")
    return request.method not in SAFE_METHODS and not elsewhere
