"""What OpenAI offers to a key: its models, and the days on which it shuts them down."""

from datetime import date
from typing import Any

import openai

from providers.openai.faults import mapped
from providers.patience import Patience

GREETING_SECONDS = 15.0


class Offer:
    def __init__(self, client: openai.OpenAI, patience: Patience):
        self.client, self.patience = client, patience

    def size(self) -> int:
        """How many models there are; asked once, for people who wait for the answer."""
        with mapped("listing the models"):
            return len(self.client.with_options(timeout=GREETING_SECONDS).models.list().data)

    def shutdown(self, model: str) -> date | None:
        """The day that OpenAI names, if it names one. Raises Refused for a model that it does not offer."""

        def ask() -> Any:
            with mapped(f"asking about {model}"):
                return self.client.models.retrieve(model)

        return _day(self.patience(ask))

    def shutdowns(self) -> dict[str, date]:
        """The days that OpenAI names, by model."""

        def ask() -> list[Any]:
            with mapped("listing the models"):
                return list(self.client.models.list())

        found = {model.id: _day(model) for model in self.patience(ask)}
        return {model: day for model, day in found.items() if day}


def _day(model: Any) -> date | None:
    # a field that the SDK's type does not have
    text = getattr(model, "shutdown_date", None)
    try:
        return date.fromisoformat(text) if text else None
    except (ValueError, TypeError):
        return None
