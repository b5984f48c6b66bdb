"""What OpenAI's refusals and failures mean for a person: the only place that reads its error codes."""

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
    TrainingFailed,
    Unavailable,
)
from providers.patience import retry_after

BILLING = {
    "insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached", "billing_not_active",
    "exceeded_quota",
}  # fmt: skip
DAILY_LIMIT_SECONDS = 4 * 3600.0
FILES = ("training_file", "validation_file")
POLICY = ("policy", "policies", "unsafe", "harmful", "moderation", "safety")
PASSING = (408, 409, 429)

PAY = "Add credit or raise the limit in OpenAI's billing settings, then retry the job."
CLOSED = (
    "OpenAI closed fine-tuning to organisations in steps (2026-05-07, 2026-07-02, 2027-01-06), which may be "
    "what this says. Other providers still tune: see `luthier bases`."
)
KEY = "Check OPENAI_API_KEY, and OPENAI_BASE_URL if it is set."
LATER = "Nothing is lost: it is tried again, or try again later."
NOTHING_SAID = "OpenAI gives no reason"


@contextmanager
def mapped(doing: str, creating: bool = False) -> Iterator[None]:
    """Turn the SDK's errors into ours. `creating`: the request starts a paid job."""
    try:
        yield
    except openai.APIStatusError as error:
        raise _refusal(error, doing, creating) from error
    except (openai.APIConnectionError, httpx2.TransportError) as error:
        slow = isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException))
        how = "did not answer in time" if slow else "could not be reached, or cut the connection"
        raise Unavailable(f"OpenAI {how} when {doing}.", LATER) from error
    except (openai.APIError, ValueError) as error:
        # a body that is no JSON, or an error inside a stream
        raise Unavailable(f"OpenAI's answer could not be read when {doing}.", LATER) from error


def _refusal(error: openai.APIStatusError, doing: str, creating: bool) -> LuthierError:
    status, code = error.status_code, error.code or ""
    said = sentence(_words(error))
    if code in BILLING or error.type in BILLING:
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
    if status == 401:
        return NotConfigured("OpenAI does not accept the API key.", KEY)
    if creating and error.param in FILES:
        return InvalidData(f"OpenAI rejects the training data: {said}", "Prepare the data again.")
    if creating or status == 403:
        return Refused(f"OpenAI refuses {doing}: {said}", CLOSED)
    return Refused(f"OpenAI refuses {doing}: {said}", f"Its parameter: {error.param}." if error.param else "")


def is_ambiguous(error: Unavailable) -> bool:
    """Whether a request that failed so may have taken effect: not at a rate limit, or if nothing was sent."""
    cause = error.__cause__
    unsent = isinstance(cause and cause.__cause__, (httpx2.ConnectError, httpx2.ConnectTimeout))
    return not unsent and not isinstance(cause, openai.RateLimitError)


def is_missing(error: LuthierError) -> bool:
    return isinstance(error.__cause__, openai.NotFoundError)


def failure(job: Any) -> LuthierError:
    """Why a job ended in `failed`. The status decides that it did; `error` may be empty or absent."""
    error = getattr(job, "error", None)
    code = getattr(error, "code", None) or ""
    param = getattr(error, "param", None) or ""
    said = sentence(getattr(error, "message", None) or code or NOTHING_SAID)
    if code in BILLING:
        return Refused(f"OpenAI stopped the job: {said}", PAY)
    if any(word in said.lower() for word in POLICY):
        return Refused(
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
    text = " ".join(text.split())[:600]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _words(error: openai.APIStatusError) -> str:
    body = error.body
    said = body.get("message") if isinstance(body, dict) else None
    return said if isinstance(said, str) and said else f"{NOTHING_SAID} (HTTP {error.status_code})"
