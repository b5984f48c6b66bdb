"""What holds for every hosted vendor: price before the call, cap, and base models that close or die."""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from errors import LuthierError, Refused, Unavailable
from providers.catalogue import Base
from records import Dataset, Finding, Job, Price, Progress, Recipe, Record

log = logging.getLogger("luthier.providers")

MARGIN_DAYS = 90
ELSEWHERE = (
    "A job is known only in the project, region and address where it was started: with that key and those "
    "settings `luthier jobs retry` goes on with it. No second one is started, which would be paid for too; "
    "if it is gone for good, another --seed makes another job."
)
GOES_ON = (
    "It may go on there, and be paid for: cancel it at the vendor, or with the key and the settings that "
    "it was started with."
)
# a younger file may belong to a job that is about to be started, here or by another Luthier
ORPHANED = timedelta(days=1)

Today = Callable[[], date]
Chosen = TypeVar("Chosen", bound="HostedOptions")


def today() -> date:
    return datetime.now(UTC).date()


class HostedOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    accept_retirement: bool = Field(
        False, title="Accept retirement", description="tune a base model that is shut down within 90 days"
    )
    max_cost: float | None = Field(
        None, gt=0, title="Cost limit", description="refuse a job that is estimated to cost more US dollars"
    )
    evaluate_on: int = Field(
        100, ge=0, title="Evaluate on", description="holdout examples that both models answer, at most"
    )


class Doubtful(Unavailable):
    """Nobody knows whether the job was bought: the answer is lost, and the vendor shows no such job yet."""


class Unanswerable(Refused):
    """No model answers this one question: a filter stops it."""


class Unwanted(Refused):
    """The vendor's verdict on the data, after a job that may be paid for: it would be the same again."""


class Billed(Record):
    """What a vendor counted, all passes, at the price of the estimate; no dollars where no price is known."""

    tokens: int
    usd: float | None = None
    per_million: float | None = None
    as_of: str | None = None


class Leftover(NamedTuple):
    """Something at the vendor that no model of ours needs. `kind`: job, file, model or endpoint."""

    kind: str
    id: str
    note: str


def whole(text: str) -> str:
    """Without halves of characters, with which a text ends that was cut within an emoji: no file, database or
    terminal takes them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def options_of(recipe: Recipe, kind: type[Chosen]) -> Chosen:
    """The recipe's options as the vendor's own. Raises Refused for an unknown or impossible one."""
    try:
        return kind.model_validate(recipe.options)
    except ValidationError as error:
        fault = error.errors()[0]
        raise Refused(
            f"The option '{'.'.join(map(str, fault['loc']))}' is not possible: {fault['msg']}.",
            f"Options here are: {', '.join(kind.model_fields)}.",
        ) from error


def epochs_for(dataset: Dataset) -> int:
    """Three, more for few examples and fewer for very many: OpenAI's published rule for its own default.

    Chosen here and not by the vendor, so that the price is known beforehand.
    """
    examples = max(dataset.report.train, 1)
    if examples * 3 < 100:
        return min(25, 100 // examples)
    return max(1, 25_000 // examples) if examples * 3 > 25_000 else 3


def price(tokens: int, epochs: int, base: Base) -> Price | None:
    """Tokens times epochs times the catalogue's price; None where no price is known."""
    if base.training_price is None:
        return None
    billed = tokens * epochs
    return Price(
        tokens=billed,
        usd=round(billed * base.training_price / 1e6, 6),
        per_million=base.training_price,
        as_of=str(base.price_as_of or "unknown"),
    )


def billed(job: Job, base: Base | None) -> Billed | None:
    """What the vendor counted, all epochs, at the price of the estimate; None where it counted nothing."""
    tokens = int(job.progress.metrics.get("trained_tokens", 0)) if job.progress else 0
    known = job.estimate or (price(0, 1, base) if base else None)
    if not tokens or known is None:
        return Billed(tokens=tokens) if tokens else None
    usd = round(tokens * known.per_million / 1e6, 6)
    return Billed(tokens=tokens, usd=usd, per_million=known.per_million, as_of=known.as_of)


def seen(ask: Callable[[], Progress], is_missing: Callable[[LuthierError], bool]) -> Progress:
    """The progress of a job; one that its vendor does not know, any more perhaps, has failed."""
    try:
        return ask()
    except Refused as error:
        if not is_missing(error):
            raise
        failure = Refused(error.message, ELSEWHERE).failure
        return Progress(status="failed", message=error.message, failure=failure, final=True)


def polled(
    remote_ids: Iterable[str], poll: Callable[[str], Progress], is_missing: Callable[[LuthierError], bool]
) -> dict[str, Progress]:
    """The progress of each job; one fault does not keep the others from being told.

    Raises Refused where the vendor refuses them all.
    """
    told: dict[str, Progress] = {}
    refused: dict[str, Refused] = {}
    for remote_id in remote_ids:
        try:
            told[remote_id] = seen(partial(poll, remote_id), is_missing)
        except Unavailable as error:
            log.warning("Could not ask for the state of %s: %s", remote_id, error.message)
        except Refused as error:
            log.error("Could not ask for the state of %s: %s", remote_id, error)
            refused[remote_id] = error
    if refused and not told:
        raise next(iter(refused.values()))
    return told


def refuse_closed(base: Base, day: date) -> None:
    """Raises Refused for a base that takes no new jobs, with the successor's name."""
    if base.tunable_on(day):
        return
    if base.inference_until and day >= base.inference_until:
        why = f"it was shut down on {base.inference_until}"
    elif not base.methods:
        why = "its vendor does not offer it for tuning"
    else:
        why = f"its vendor has taken no new jobs since {base.tunable_until}"
    raise Refused(f"{base.id} can't be tuned: {why}.", _instead(base))


def refuse_dying(base: Base, day: date, accepted: bool) -> None:
    """Raises Refused for a base that dies within the margin, unless the person accepted that."""
    if base.inference_until is None or accepted:
        return
    days = (base.inference_until - day).days
    if days <= MARGIN_DAYS:
        raise Refused(
            f"A model tuned on {base.id} would stop answering on {base.inference_until}, in {days} days.",
            "Pass --accept-retirement to train it all the same; in the options of a form or a spec that is "
            f'"accept_retirement": true. {_instead(base)}',
        )


def refuse_dear(estimate: Price | None, limit: float | None, base: Base) -> None:
    """Raises Refused for a job above the limit, or of unknown price where a limit is set."""
    if limit is None:
        return
    if estimate is None:
        raise Refused(
            f"The price of training {base.id} is not known, so the limit of ${limit:g} can't be kept.",
            "Set `training_price` in a catalogue file of your own (LUTHIER_BASES_FILE), or lift the limit "
            "(--max-cost, LUTHIER_MAX_COST).",
        )
    if estimate.usd > limit:
        raise Refused(
            f"Training would cost about ${estimate.usd:.2f}, above the limit of ${limit:g}.",
            f"That is {estimate.tokens:,} tokens at ${estimate.per_million:g} per million (price of "
            f"{estimate.as_of}). Use fewer epochs or examples, a cheaper base, or raise --max-cost or "
            "LUTHIER_MAX_COST.",
        )


def gone(vendor: str, reference: str, base: Base | None, day: date, missing: LuthierError) -> Refused:
    """What is said of a tuned model that its vendor no longer has; `missing` is the vendor's own answer."""
    dead = base is not None and base.inference_until is not None and day >= base.inference_until
    why = f"Its base {base.id} was shut down on {base.inference_until}." if base and dead else missing.message
    return Refused(
        f"{vendor} no longer offers the model {reference}. {why}",
        "Train the dataset again on another base (`luthier bases`).",
    )


def price_finding(estimate: Price | None, base: Base) -> Finding:
    if estimate is None:
        return Finding(
            rule="price",
            severity="warning",
            message=f"The price of training {base.id} is not known.",
            hint="Look it up at the vendor, and set `training_price` in a catalogue file of your own.",
        )
    return Finding(
        rule="price",
        severity="info",
        message=f"Training will cost about ${estimate.usd:.2f} (an estimate: {estimate.tokens:,} tokens with "
        f"all epochs at ${estimate.per_million:g} per million, price of {estimate.as_of}).",
    )


def retirement_finding(base: Base) -> list[Finding]:
    if base.inference_until is None:
        return []
    return [
        Finding(
            rule="retirement",
            severity="info",
            message=f"The model will answer until {base.inference_until}, when its base is shut down.",
        )
    ]


def _instead(base: Base) -> str:
    successor = f"Its vendor names {base.successor} as the successor. " if base.successor else ""
    return f"{successor}`luthier bases` lists what can be tuned now."
