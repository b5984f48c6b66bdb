"""The base models to choose from, with what decides the choice: price, time, plan, and how long they last."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from providers.catalogue import Base, bases
from records import now
from registry.accounts import Account
from web.pages import words
from web.pages.cards import Retirement, retirement_of
from web.workshop import Workshop

TIMES = {
    "gpu": "about 5 minutes on a GPU",
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


def choices(shop: Workshop, account: Account) -> tuple[list[Choice], list[Choice]]:
    """Those that can be chosen, own hardware first, and those that can't."""
    today = now().date()
    plan = shop.work.usage(account).plan
    found = [
        choice_of(base, today, not configured(shop, base.provider), plan.limit(premium=True) == 0)
        for base in known(shop)
    ]
    return [one for one in found if not one.closed], [one for one in found if one.closed]


def known(shop: Workshop) -> Iterable[Base]:
    """The catalogue, the operator's default base first."""
    default = shop.settings.base_model
    return sorted(bases(shop.settings.bases_file).values(), key=lambda base: base.id != default)


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
        badge=words.PROVIDERS.get(base.provider, base.provider),
        price=price_of(base),
        time="a few minutes, no GPU needed" if base.family == SMALL else TIMES.get(base.provider, ""),
        retirement=retirement_of(base, today),
        closed=closed,
    )


def price_of(base: Base) -> str:
    if base.training_price is not None:
        return f"{words.dollars(base.training_price)} per million training tokens"
    return "free" if base.provider == "gpu" else "price not known; ask the provider"


def configured(shop: Workshop, provider: str) -> bool:
    given = shop.settings.provider_arguments(provider)
    return all(given[name] for name in NEEDED.get(provider, ()))
