"""The base models to choose from, with what decides the choice: price, time, plan, and how long they last."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from providers import TITLES, is_hosted
from providers.catalogue import Base, bases
from records import now
from registry.accounts import Account
from web.pages import words
from web.pages.cards import Retirement, retirement_of
from web.workshop import Workshop

TIMES = {
    "gpu": "minutes to hours by size; the preview estimates it",
    "openai": "30 to 45 minutes",
    "gemini": "30 to 45 minutes",
}
SMALL = "SmolLM2"  # the family that trains on a processor
NEEDED = {"openai": ("api_key",), "gemini": ("project", "location", "bucket")}
NEEDS = {
    "openai": "OPENAI_API_KEY is not set on this server",
    "gemini": "project, location or bucket of Google Cloud is not set on this server",
}


@dataclass(frozen=True)
class Choice:
    """`closed` says why it can't be chosen."""

    base: Base
    badge: str
    price: str
    time: str
    retirement: Retirement | None
    closed: str = ""


class Choices(NamedTuple):
    """`aside` are open too: bases for own hardware that the catalogue only lists."""

    open: list[Choice]
    aside: list[Choice]
    closed: list[Choice]


def choices(shop: Workshop, account: Account, chosen: str) -> Choices:
    """The `chosen` one is the first of those that are open."""
    today = now().date()
    plan = shop.work.usage(account).plan
    found = Choices([], [], [])
    for base in known(shop, chosen):
        missing = not configured(shop, base.provider)
        choice = choice_of(base, today, missing, plan.limit(premium=True) == 0)
        if choice.closed:
            found.closed.append(choice)
        elif not is_hosted(base.provider) and not base.summary and base.id != chosen:
            found.aside.append(choice)
        else:
            found.open.append(choice)
    return found


def known(shop: Workshop, chosen: str) -> Iterable[Base]:
    """The catalogue, the chosen base and the operator's default one first."""
    first = (chosen, shop.settings.base_model)
    found = bases(shop.settings.bases_file).values()
    return sorted(found, key=lambda base: first.index(base.id) if base.id in first else len(first))


def choice_of(base: Base, today: date, missing: bool, no_premium: bool) -> Choice:
    if not base.tunable_on(today):
        closed = "closed to new jobs" + (f"; take {base.successor}" if base.successor else "")
    elif base.premium and no_premium:
        closed = "premium: needs a paid plan"
    elif missing:
        closed = NEEDS.get(base.provider, "not set up on this server")
    else:
        closed = ""
    return Choice(
        base=base,
        badge=TITLES.get(base.provider, base.provider),
        price=price_of(base),
        time="a few minutes, no GPU needed" if base.family == SMALL else TIMES.get(base.provider, ""),
        retirement=retirement_of(base, today),
        closed=closed,
    )


def price_of(base: Base) -> str:
    if base.training_price is not None:
        return f"{words.dollars(base.training_price)} per million training tokens"
    return "price not known; ask the provider" if is_hosted(base.provider) else "free"


def configured(shop: Workshop, provider: str) -> bool:
    given = shop.settings.provider_arguments(provider)
    return all(given[name] for name in NEEDED.get(provider, ()))
