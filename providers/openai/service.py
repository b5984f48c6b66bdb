"""The service that is spoken to: OpenAI's own, or another one of the same protocol by its base URL."""

from urllib.parse import parse_qsl, urlsplit

import openai

from errors import NotConfigured
from providers.openai.faults import genuine

URL = "https://api.openai.com/v1"
CONNECT_SECONDS = 5.0


def connected(api_key: str, base_url: str, timeout: float) -> openai.OpenAI:
    """Never repeats a request by itself. A query of the base URL (`api-version`) goes along with each one.

    Raises NotConfigured without a key.
    """
    if not api_key:
        raise NotConfigured("There is no API key for OpenAI.", "Set OPENAI_API_KEY.")
    place = urlsplit(base_url or URL)
    return openai.OpenAI(
        api_key=api_key,
        base_url=place._replace(query="", fragment="").geturl(),
        default_query=dict(parse_qsl(place.query)),
        max_retries=0,
        timeout=openai.Timeout(timeout, connect=CONNECT_SECONDS),
        http_client=openai.DefaultHttpxClient(event_hooks={"response": [genuine]}),
    )
