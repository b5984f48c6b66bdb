"""Errors that only a server has, and how every error is answered: one envelope for /v1, a page elsewhere."""

import html
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import TemplateError
from starlette.exceptions import HTTPException

from errors import LuthierError, NotFound, Unavailable
from records import Report
from web.headers import HEADERS
from web.naming import wrong
from web.pages.rendering import templates, wants_fragment

log = logging.getLogger("luthier.web")

TITLES = {
    400: "That can't be read",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Refused",
    413: "Too large",
    422: "The data can't be used",
    429: "Too many requests",
    500: "Something went wrong",
    502: "The provider can't be reached",
    503: "Not configured",
}
DOCUMENT = "/v1/openapi.json"
# FastAPI's words for a body that is nested too deeply or no text, and ours
UNREAD = {"There was an error parsing the body": "The body is not valid JSON in UTF-8."}
TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class SignInNeeded(LuthierError):
    """No session; a page sends the browser to /login."""

    code, exit_code, http_status = "sign_in_needed", 1, 401


class BadKey(LuthierError):
    """The API key is missing, unknown, revoked or expired."""

    code, exit_code, http_status = "invalid_api_key", 1, 401


class BadSignature(LuthierError):
    """A webhook that its vendor has not signed."""

    code, exit_code, http_status = "invalid_signature", 1, 401


class Forbidden(LuthierError):
    code, exit_code, http_status = "forbidden", 1, 403


class BadRequest(LuthierError):
    """`param` names the field that is wrong."""

    code, exit_code, http_status = "invalid_request", 1, 400

    def __init__(
        self,
        message: str,
        hint: str = "",
        report: Report | None = None,
        param: str | None = None,
        why: str | None = None,
    ):
        super().__init__(message, hint, report)
        self.args = (message, hint, report, param, why)
        self.param, self.why = param, why


class NoSuch(NotFound):
    """`param` names the field that held the id, `why` is OpenAI's code."""

    def __init__(self, message: str, hint: str, param: str, why: str | None = None):
        super().__init__(message, hint)
        self.args = (message, hint, param, why)
        self.param, self.why = param, why


class TooManyRequests(Unavailable):
    """The plan's window is spent, or too many wait already. `retry_after` is in seconds."""

    code, exit_code, http_status = "rate_limit_exceeded", 6, 429
    headers: Mapping[str, str] = {}


def envelope(
    status: int, message: str, code: str | None = None, param: str | None = None, hint: str = ""
) -> dict[str, Any]:
    """The error body of OpenAI's API."""
    kind = TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    text = f"{message} {hint}".strip()
    return {"error": {"message": text, "type": kind, "param": param, "code": code}}


def install(app: FastAPI) -> None:
    """Answer every error of the app, each by the one of the two ways that its path asks for."""
    app.add_exception_handler(LuthierError, _luthier_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unforeseen)


def answer(
    request: Request,
    status: int,
    message: str,
    hint: str = "",
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    if is_api(request) or is_webhook(request) or brings_key(request):
        return JSONResponse(envelope(status, message, code, param, hint), status, headers=dict(headers or {}))
    return HTMLResponse(_page(request, status, message, hint), status, headers=dict(headers or {}))


def is_api(request: Request) -> bool:
    return request.url.path == "/v1" or request.url.path.startswith("/v1/")


def brings_key(request: Request) -> bool:
    """A program with an API key. Proxies add tokens for browsers, which have cookies or want HTML."""
    headers = request.headers
    browser = "cookie" in headers or "text/html" in headers.get("accept", "")
    return headers.get("authorization", "").lower().startswith("bearer ") and not browser


def is_webhook(request: Request) -> bool:
    return request.url.path.startswith("/webhooks/")


def retry_headers(error: LuthierError) -> dict[str, str]:
    seconds = getattr(error, "retry_after", None)
    return {"Retry-After": str(max(1, round(seconds)))} if seconds else {}


def answered(request: Request, error: LuthierError) -> Response:
    if isinstance(error, SignInNeeded):
        return _astray(request) if brings_key(request) else _to_sign_in(request)
    if error.http_status >= 500:
        log.warning("%s %s: %s", request.method, request.url.path, error)
    param, code = getattr(error, "param", None), getattr(error, "why", None) or error.code
    headers = {**getattr(error, "headers", {}), **retry_headers(error)}
    if is_api(request) and not isinstance(error, Unavailable):
        # OpenAI's SDKs repeat 409 and all from 500 on unless they are told that it is of no use
        headers["x-should-retry"] = "false"
    return answer(request, error.http_status, error.message, error.hint, code, param, headers)


def _astray(request: Request) -> Response:
    """For a program whose base URL lacks /v1; a page for people would be taken for the model's answer."""
    what = f"There is nothing for programs at {request.method} {request.url.path}."
    return answer(request, 404, what, "The API is under /v1: its base URL ends in /v1.", "unknown_url")


def _to_sign_in(request: Request) -> Response:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if wants_fragment(request):
        # a script asked: it leads the whole page there
        return Response(status_code=401, headers={"Location": "/login"})
    return RedirectResponse(
        f"/login?next={quote(here, safe='/')}" if request.method == "GET" else "/login", 303
    )


async def _luthier_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, LuthierError)
    return answered(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    """One fault of a body or a query, named by its field."""
    assert isinstance(error, RequestValidationError)
    found = wrong(error.errors(), error.body)
    return answer(request, 400, found.message, code=found.code, param=found.param)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = f"{request.method} {request.url.path}"
    if error.status_code in (404, 405) and brings_key(request) and not is_api(request):
        return _astray(request)
    nowhere = f"There is nothing at {what}." if is_api(request) else f"There is no page {request.url.path}."
    messages = {404: nowhere, 405: f"{what} is not possible."}
    message = messages.get(error.status_code) or UNREAD.get(str(error.detail)) or str(error.detail)
    hint = f"GET {DOCUMENT} lists what there is." if error.status_code == 404 and is_api(request) else ""
    code = "unknown_url" if error.status_code == 404 else None
    return answer(request, error.status_code, message, hint, code, headers=error.headers)


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(
        request,
        500,
        "Luthier failed at a point that nobody foresaw.",
        "Try again; the server's log holds the details under this request's id.",
        code="internal_error",
        # the server answers this itself, outside of the guard
        headers={**HEADERS, "x-request-id": str(getattr(request.state, "request_id", ""))},
    )


def _page(request: Request, status: int, message: str, hint: str) -> str:
    context = {
        "status": status,
        "title": TITLES.get(status, "Error"),
        "message": message,
        "hint": hint,
        "request_id": getattr(request.state, "request_id", ""),
        "account": getattr(request.state, "account", None),
    }
    try:
        return str(templates.env.get_template("error.html").render(request=request, **context))
    except TemplateError:
        # an error must be told even where its page is broken
        log.exception("The page of an error can't be shown.")
        return PLAIN.format(**{name: html.escape(str(value)) for name, value in context.items()})


PLAIN = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    "<h1>{title}</h1><p>{message}</p><p>{hint}</p><p><small>{request_id}</small></p></html>"
)
