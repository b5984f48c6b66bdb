"""What OpenAI's refusals and failures mean for a person: the only place that reads its error codes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import openai

from errors import (
    InvalidData,
    LuthierError,
    NotConfigured,
    NotEnoughData,
    Refused,
    TooLong,
    TrainingFailed,
    Unavailable,
)
from providers.hosted import Unanswerable, Unwanted, whole
from providers.patience import retry_after
from providers.trust import HINT as TRUST
from providers.trust import distrust

BILLING = {
    "insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached", "billing_not_active",
    "exceeded_quota",
}  # fmt: skip
DAILY_LIMIT_SECONDS = 4 * 3600.0
# Azure's filter, and OpenAI's own word for what it won't read
UNANSWERABLE = {"content_filter", "invalid_prompt"}
FILES = ("training_file", "validation_file")
GONE = re.compile(r"no such file|not found|does(?: not|n't) exist|deleted", re.I)
POLICY = ("policy", "policies", "unsafe", "harmful", "moderation", "safety")
PASSING = (408, 409, 425, 429)

PAY = "Add credit or raise the limit in OpenAI's billing settings, then retry the job."
CLOSED = (
    "OpenAI closed fine-tuning to organisations in steps (2026-05-07, 2026-07-02, 2027-01-06), which may be "
    "what this says. Other providers still tune: see `luthier bases`."
)
KEY = "Check OPENAI_API_KEY, and OPENAI_BASE_URL if it is set."
RIGHTS = (
    "Give the key this right in OpenAI's settings (of its project, models and files too), or set the key of "
    "another project in OPENAI_API_KEY."
)
WAY = "Check OPENAI_BASE_URL, which mostly ends in /v1, and the proxy or the sign-in page of this network."
PROXY = "Put both into HTTPS_PROXY (http://NAME:PASSWORD@HOST:PORT), or OpenAI's host into NO_PROXY."
LATER = "Nothing is lost: it is tried again, or try again later."
NOTHING_SAID = "OpenAI gives no reason"


class NotTheService(Exception):
    """Something on the way answered in the service's place; the message says what with."""


def genuine(response: httpx2.Response) -> None:
    """Raises NotTheService for an answer that no service of this protocol gives, before the SDK trusts it.

    Raises ValueError for what is none of its objects, which the SDK would hand on as text or half read.
    """
    sent_on = response.status_code in (301, 302, 303) and response.request.method == "POST"
    if sent_on:
        # it would arrive as a question, without what was sent
        raise NotTheService(f"it is sent on to {response.headers.get('location')}")
    if not response.is_success:
        return
    if _is_page(response):
        raise NotTheService("a page for people")
    asked = response.request
    in_pieces = asked.url.path.endswith("/completions") and not _kind(response).endswith("json")
    # the bytes of a file are anything, and some services answer a deletion with nothing
    if asked.method == "DELETE" or asked.url.path.endswith("/content") or in_pieces:
        return
    response.read()
    if not _is_object(_json(response)):
        raise ValueError("no object, or one of another shape")


@contextmanager
def mapped(doing: str, creating: bool = False, waiting: bool = False) -> Iterator[None]:
    """Turn the SDK's errors into ours. `creating`: the request starts a paid job.

    `waiting`: for a job that goes on meanwhile, so what stands in the way may be gone when it is asked again.
    """
    try:
        yield
    except NotTheService as error:
        raise _elsewhere(str(error), doing, waiting) from error
    except openai.APIStatusError as error:
        raise _refusal(error, doing, creating, waiting) from error
    except (openai.APIConnectionError, httpx2.TransportError) as error:
        if isinstance(error.__cause__, httpx2.ProxyError) and str(error.__cause__).startswith("407"):
            raise _no_proxy(doing, waiting) from error
        if why := distrust(error):
            raise _distrusted(why, doing, waiting) from error
        slow = isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException))
        how = "did not answer in time" if slow else "could not be reached, or cut the connection"
        raise Unavailable(f"OpenAI {how} when {doing}.", LATER) from error
    except (openai.APIError, ValueError) as error:
        # a body that is no JSON, or an error inside a stream
        raise Unavailable(f"OpenAI's answer could not be read when {doing}.", LATER) from error


def _refusal(error: openai.APIStatusError, doing: str, creating: bool, waiting: bool) -> LuthierError:
    status, code = error.status_code, _text(error.code)
    said = sentence(_words(error))
    if status == 407:
        return _no_proxy(doing, waiting)
    if _is_page(error.response) and status < 500 and status not in PASSING:
        return _elsewhere(f"a page for people (HTTP {status})", doing, waiting)
    if status == 402 or code in BILLING or _text(error.type) in BILLING:
        return Refused(f"OpenAI refuses to go on {doing}: {said}", PAY)
    if code == "daily_rate_limit_exceeded":
        wait = max(retry_after(error.response.headers) or 0, DAILY_LIMIT_SECONDS)
        return Unavailable(
            f"OpenAI starts no more jobs on this model today: {said}",
            "The job is tried again in some hours.",
            retry_after=wait,
        )
    if status in PASSING or status >= 500:
        wait_asked = retry_after(error.response.headers)
        return Unavailable(f"OpenAI is busy or faulty when {doing}: {said}", LATER, retry_after=wait_asked)
    lacking = status == 401 and "missing scopes" in said.lower()
    if status == 401 and not lacking:
        # its words may hold the key
        return NotConfigured("OpenAI does not accept the API key.", KEY)
    # vLLM, which speaks the same protocol, says so in words alone
    if not creating and (code == TooLong.code or "maximum context length" in said):
        return TooLong(f"The conversation is too long: {said}", "Send fewer of the earlier messages.")
    if code in UNANSWERABLE:
        return Unanswerable(f"No model answers this at OpenAI: {said}", "Ask in other words.")
    if creating and _text(error.param) in FILES and GONE.search(said):
        return Unavailable(
            f"OpenAI no longer has the training file: {said}", "It is sent again when the job is tried again."
        )
    if creating and _text(error.param) in FILES:
        return InvalidData(f"OpenAI rejects the training data: {said}", "Prepare the data again.")
    if creating and not lacking:
        return Refused(f"OpenAI refuses {doing}: {said}", CLOSED)
    if lacking or status == 403:
        return Refused(f"OpenAI refuses {doing}: {said}", RIGHTS)
    return Refused(f"OpenAI refuses {doing}: {said}", f"Its parameter: {error.param}." if error.param else "")


def _elsewhere(what: str, doing: str, waiting: bool) -> LuthierError:
    message = f"Not OpenAI but something on the way answers when {doing}: {what}."
    return Unavailable(message, LATER) if waiting else NotConfigured(message, WAY)


def _distrusted(why: str, doing: str, waiting: bool) -> LuthierError:
    message = f"The certificate of who answers for OpenAI is not trusted when {doing}: {why}."
    return Unavailable(message, f"{TRUST} {LATER}") if waiting else NotConfigured(message, TRUST)


def _no_proxy(doing: str, waiting: bool) -> LuthierError:
    message = f"The proxy on the way to OpenAI wants a name and a password when {doing}."
    return Unavailable(message, f"{PROXY} {LATER}") if waiting else NotConfigured(message, PROXY)


def _is_object(body: Any) -> bool:
    """Or a list of objects, as services wrap it."""
    if not isinstance(body, dict):
        return False
    listed = body.get("data") or []
    return isinstance(listed, list) and all(isinstance(one, dict) for one in listed)


def _kind(response: httpx2.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_page(response: httpx2.Response) -> bool:
    return _kind(response) in ("text/html", "application/xhtml+xml")


def _json(response: httpx2.Response) -> Any:
    """None where there is none to be read."""
    try:
        return response.json()
    except ValueError:
        return None


def _text(value: Any) -> str:
    """The SDK passes on whatever a service puts in the place of a text."""
    return value if isinstance(value, str) else ""


def is_ambiguous(error: Unavailable) -> bool:
    """Whether a request that failed so may have taken effect: not if it was refused, or nothing was sent."""
    cause = error.__cause__
    unsent = isinstance(cause and cause.__cause__, (httpx2.ConnectError, httpx2.ConnectTimeout))
    said_no = (openai.RateLimitError, openai.BadRequestError, openai.NotFoundError)
    return not unsent and not isinstance(cause, said_no)


def is_missing(error: LuthierError) -> bool:
    """Whether the service itself does not know what was asked for; a proxy's page says nothing about it."""
    cause = error.__cause__
    return isinstance(cause, openai.NotFoundError) and bool(_json(cause.response))


def failure(job: Any) -> LuthierError:
    """Why a job ended in `failed`. The status decides that it did; `error` may be empty or absent."""
    error = getattr(job, "error", None)
    code, param = _text(getattr(error, "code", None)), _text(getattr(error, "param", None))
    said = sentence(_text(getattr(error, "message", None)) or code or NOTHING_SAID)
    if code in BILLING:
        return Refused(f"OpenAI stopped the job: {said}", PAY)
    if any(word in said.lower() for word in POLICY):
        return Unwanted(
            f"OpenAI stopped the job for its usage policies: {said}",
            "The same data gives the same verdict. Take out what breaks them, or use another provider.",
        )
    if code == "invalid_n_examples":
        return NotEnoughData(
            f"OpenAI wants more examples: {said}", "Add examples, and prepare the data again."
        )
    if param in FILES or code.startswith("invalid_"):
        return InvalidData(
            f"OpenAI rejects the training data: {said}",
            "Mend or remove the examples it names, then prepare again.",
        )
    transient = code in ("server_error", "internal_error")
    hint = "It is OpenAI's fault; `luthier jobs retry` starts a new attempt." if transient else ""
    return TrainingFailed(f"The job failed at OpenAI: {said}", hint, transient=transient)


def sentence(text: str) -> str:
    """One line that ends with a full stop."""
    text = whole(" ".join(text.split()))[:600]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _words(error: openai.APIStatusError) -> str:
    """OpenAI's `message`, or what other services put in its place."""
    said: Any = error.body
    if isinstance(said, dict):
        said = said.get("message") or said.get("detail") or said.get("error")
    text = "" if _is_page(error.response) else _text(said).strip()
    return text or f"{NOTHING_SAID} (HTTP {error.status_code})"
