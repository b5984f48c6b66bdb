"""Signs in to Google Cloud, and asks it with patience. The SDKs' own retries stay off."""

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import google.auth
from google import genai
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request
from google.cloud import storage
from google.genai.types import HttpOptions

from errors import NotConfigured
from providers.endless import within
from providers.gemini.endless import session
from providers.gemini.faults import is_status, mapped
from providers.patience import Patience

T = TypeVar("T")

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TIMEOUT_SECONDS = 120.0

# `client.tunings` calls itself experimental at every use
warnings.filterwarnings("ignore", category=genai.errors.ExperimentalWarning)


class Access:
    """`endpoint` and `storage_endpoint` replace Google's hosts, in tests and behind a proxy."""

    def __init__(
        self,
        project: str,
        location: str,
        credentials: Credentials | None,
        endpoint: str,
        storage_endpoint: str,
        patience: Patience,
        timeout: float = TIMEOUT_SECONDS,
    ):
        self.project, self.location = project, location
        self.given, self.endpoint, self.storage_endpoint = credentials, endpoint, storage_endpoint
        self.patience, self.timeout = patience, timeout

    def demand(self) -> None:
        """Raises NotConfigured for a missing or unfit project or location."""
        if not self.project:
            raise NotConfigured("There is no Google Cloud project to tune in.", "Set GOOGLE_CLOUD_PROJECT.")
        if self.location in ("", "global"):
            raise NotConfigured(
                "Gemini is tuned in a named region, and none is set.",
                "Set GOOGLE_CLOUD_LOCATION to one, us-central1 or europe-west4 for instance.",
            )

    @cached_property
    def credentials(self) -> Credentials:
        """Given, or the application-default ones. Raises NotConfigured where there are none."""
        if self.given:
            return self.given
        with mapped("signing in"):
            found, _ = google.auth.default(scopes=[SCOPE])
        return found

    @cached_property
    def client(self) -> genai.Client:
        self.demand()
        hooks = {"event_hooks": {"response": [within(self.timeout)]}}
        timeout, url = int(self.timeout * 1000), self.endpoint or None
        options = HttpOptions(timeout=timeout, base_url=url, client_args=hooks)
        return genai.Client(
            vertexai=True,
            project=self.project,
            location=self.location,
            credentials=self.credentials,
            http_options=options,
        )

    @cached_property
    def storage(self) -> storage.Client:
        self.demand()
        options = {"api_endpoint": self.storage_endpoint} if self.storage_endpoint else None
        return storage.Client(
            project=self.project,
            credentials=self.credentials,
            client_options=options,
            _http=session(self.credentials),
        )

    def asked(self, doing: str, ask: Callable[[], T]) -> T:
        """The answer to a question that may be repeated."""
        return self.patience(lambda: self.once(doing, ask))

    def once(self, doing: str, ask: Callable[[], T], creating: bool = False) -> T:
        """Ask once; again only when the token had run out, which Google says before doing anything."""
        try:
            with mapped(doing, creating):
                return ask()
        except NotConfigured as error:
            if not is_status(error, 401):
                raise
        with mapped(doing, creating):
            fresh: Any = self.credentials
            fresh.refresh(Request())
            return ask()
