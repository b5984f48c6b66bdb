"""The service that is spoken to: OpenAI's own, or another one of the same protocol by its base URL."""

from urllib.parse import SplitResult, parse_qsl, urlsplit

import openai

from errors import NotConfigured
from providers.endless import within
from providers.openai.faults import genuine

URL = "https://api.openai.com/v1"
CONNECT_SECONDS = 5.0


def connected(api_key: str, base_url: str, timeout: float) -> openai.OpenAI:
    """Never repeats a request by itself. A query of the base URL (`api-version`) goes along with each one.

    Raises NotConfigured without a key, and for a key or an address that can be none.
    """
    # a secret that was kept in a file mostly ends with a line
    if not (api_key := api_key.strip()):
        raise NotConfigured("There is no API key for OpenAI.", "Set OPENAI_API_KEY.")
    if not (api_key.isascii() and api_key.isprintable()):
        raise NotConfigured(
            "The API key for OpenAI holds letters that no key has.", "Copy it anew to OPENAI_API_KEY."
        )
    place = _place(base_url.strip() or URL)
    return openai.OpenAI(
        api_key=api_key,
        base_url=place._replace(query="", fragment="").geturl(),
        default_query=dict(parse_qsl(place.query)),
        max_retries=0,
        timeout=openai.Timeout(timeout, connect=CONNECT_SECONDS),
        http_client=openai.DefaultHttpxClient(event_hooks={"response": [within(timeout), genuine]}),
    )


def _place(base_url: str) -> SplitResult:
    try:
        place = urlsplit(base_url)
        # looked at, because a port that is none says so only then
        sound = place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise NotConfigured(
            f"OPENAI_BASE_URL is no address: '{base_url}'.",
            "Write https://HOST/v1, or unset it for OpenAI's own.",
        )
    return place
