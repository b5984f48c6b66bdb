"""What Google's refusals and failures mean for a person: the only place that reads its error codes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.cloud.storage.exceptions import DataCorruption
from google.genai.errors import APIError

from errors import InvalidData, LuthierError, NotConfigured, Refused, TooLong, TrainingFailed, Unavailable
from providers.hosted import Unwanted, whole
from providers.patience import retry_after
from providers.trust import HINT as TRUST
from providers.trust import distrust

# google.rpc codes of a job that failed
INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION, UNAUTHENTICATED = 3, 5, 7, 9, 16
PASSING_CODES = (4, 8, 10, 13, 14)
ABOUT_DATA = re.compile(r"dataset|jsonl|training (data|file)|example|content", re.I)
POLICY = re.compile(r"polic|unsafe|harmful|safety|prohibited", re.I)
PAGE = re.compile(r"<(!doctype|html)\b", re.I)
TOO_LONG = re.compile(r"input token count\b.*\bexceeds", re.I)
NO_QUOTA = re.compile(r"\blimit:? ?'?0'?\b", re.I)

LATER = "Nothing is lost: it is tried again, or try again later."
LOGIN = "Run `gcloud auth application-default login`, or name a key file in GOOGLE_APPLICATION_CREDENTIALS."
RIGHTS = (
    "The account needs the roles 'Vertex AI User' and 'Storage Object Admin' on the bucket, the project's "
    "Vertex AI service agent (service-NUMBER@gcp-sa-aiplatform.iam.gserviceaccount.com) needs to read the "
    "bucket, and the Vertex AI API must be on. A change of rights takes a minute or two."
)
REGION = (
    "Check the region (GOOGLE_CLOUD_LOCATION): models and jobs live in one. A retired model is not found "
    "either; see `luthier bases`."
)


@contextmanager
def mapped(doing: str, creating: bool = False) -> Iterator[None]:
    """Turn the errors of Google's libraries into ours. `creating`: the request starts a paid job."""
    try:
        yield
    except APIError as error:
        headers = getattr(error.response, "headers", None) or {}
        raise refusal(error.code, error.message, headers, error.status, doing, creating) from error
    except DataCorruption as error:
        raise Unavailable(f"The bytes arrived damaged when {doing}.", LATER) from error
    except GoogleAPICallError as error:
        headers = getattr(error.response, "headers", None) or {}
        raise refusal(int(error.code or 500), error.message, headers, None, doing, False) from error
    except DefaultCredentialsError as error:
        raise NotConfigured("There are no credentials for Google Cloud.", LOGIN) from error
    except GoogleAuthError as error:
        _raise_if_distrusted(error, doing)
        if isinstance(error, TransportError) or error.retryable:
            raise Unavailable(f"Google's sign-in could not be had when {doing}.", LATER) from error
        raise NotConfigured(
            f"Google does not accept the credentials: {sentence(str(error))}", LOGIN
        ) from error
    except (httpx2.TimeoutException, requests.Timeout) as error:
        raise Unavailable(f"Google did not answer in time when {doing}.", LATER) from error
    except (httpx2.HTTPError, requests.RequestException) as error:
        _raise_if_distrusted(error, doing)
        message = f"Google could not be reached, or cut the connection, when {doing}."
        raise Unavailable(message, LATER) from error
    except ValueError as error:
        raise Unavailable(f"Google's answer could not be read when {doing}.", LATER) from error


def _raise_if_distrusted(error: Exception, doing: str) -> None:
    """As passing, since a job may be under way: the sign-in page of a network is left behind in the end."""
    if why := distrust(error):
        message = f"The certificate of who answers for Google is not trusted when {doing}: {why}."
        raise Unavailable(message, f"{TRUST} {LATER}") from error


def refusal(
    code: int, words: str | None, headers: Any, status: str | None, doing: str, creating: bool
) -> LuthierError:
    if PAGE.search(words or ""):
        message = (
            f"Not Google but something on the way answers when {doing}: a page for people (HTTP {code})."
        )
        return Unavailable(message, f"Check the proxy or the sign-in page of this network. {LATER}")
    said = sentence(words or f"no reason given (HTTP {code})")
    if code == 401:
        return NotConfigured("Google does not accept the credentials.", LOGIN)
    if code == 403:
        return Refused(f"Google Cloud does not allow {doing}: {said}", RIGHTS)
    if code == 404:
        return Refused(f"Google Cloud does not find what is needed for {doing}: {said}", REGION)
    if code == 429 and NO_QUOTA.search(said):
        return Refused(f"The project has no quota for {doing}: {said}", "Ask Google Cloud for quota.")
    # 410: Cloud Storage lost an upload in parts, which is then started anew
    if code in (408, 409, 410, 425, 429, 499) or code >= 500:
        message = f"Google is busy or faulty when {doing}: {said}"
        return Unavailable(message, LATER, retry_after=retry_after(headers))
    if creating and status == "INVALID_ARGUMENT" and ABOUT_DATA.search(said):
        return InvalidData(f"Google rejects the training data: {said}", "Prepare the data again.")
    if not creating and TOO_LONG.search(said):
        return TooLong(f"The conversation is too long: {said}", "Send fewer of the earlier messages.")
    if status == "FAILED_PRECONDITION":
        return Refused(f"Google Cloud refuses {doing}: {said}", "A policy of the organisation may forbid it.")
    return Refused(f"Google Cloud refuses {doing}: {said}", "")


def is_ambiguous(error: LuthierError) -> bool:
    """Whether a request that failed so may have taken effect: not at a rate limit, or if nothing was sent."""
    unsent = isinstance(error.__cause__, (httpx2.ConnectError, httpx2.ConnectTimeout))
    return not unsent and getattr(error.__cause__, "code", None) != 429


def is_status(error: LuthierError, *codes: int) -> bool:
    return getattr(error.__cause__, "code", None) in codes


def is_missing(error: LuthierError) -> bool:
    """Whether Google itself does not know what was asked for; a proxy's 404 says nothing about it."""
    # the library puts HTTP's own phrase where an answer holds no status of Google's
    return is_status(error, 404) and getattr(error.__cause__, "status", "NOT_FOUND") == "NOT_FOUND"


def failure(job: Any) -> LuthierError:
    """Why a job ended in FAILED, by its google.rpc code."""
    code = getattr(job.error, "code", None) or 0
    said = sentence(getattr(job.error, "message", None) or "Google gives no reason")
    if POLICY.search(said):
        return Unwanted(
            f"Google stopped the job for its usage policies: {said}",
            "The same data gives the same verdict. Take out what breaks them, or use another provider.",
        )
    if code == INVALID_ARGUMENT and ABOUT_DATA.search(said):
        return InvalidData(
            f"Google rejects the training data: {said}", "Mend the examples it names, then prepare again."
        )
    if code in (INVALID_ARGUMENT, FAILED_PRECONDITION):
        return Refused(f"Google refuses the job: {said}", "A policy of the organisation may forbid it.")
    if code == NOT_FOUND:
        return Refused(f"Google does not find what the job needs: {said}", REGION)
    if code in (PERMISSION_DENIED, UNAUTHENTICATED):
        return Refused(f"Google does not allow the job: {said}", RIGHTS)
    transient = code in PASSING_CODES
    hint = "It is Google's fault; `luthier jobs retry` starts a new attempt." if transient else ""
    return TrainingFailed(f"The job failed at Google: {said}", hint, transient=transient)


def sentence(text: str) -> str:
    """One line that ends with a full stop."""
    text = whole(" ".join(text.split()))[:600]
    return text if text.endswith((".", "!", "?")) else f"{text}."
