"""What a dataset would cost to train on, for each base that can be tuned today and has a price."""

from collections.abc import Iterable
from datetime import date
from itertools import islice

from providers import hosted, tokens
from providers.catalogue import Base
from providers.training_file import lines
from records import Dataset, Quote

SAMPLE = (
    20_000  # examples whose tokens are counted; they come in seeded order, so the first are as good as any
)


def quotes(dataset: Dataset, bases: Iterable[Base], day: date) -> tuple[Quote, ...]:
    """The cheapest first. Tokens are OpenAI's own where its vocabulary is installed, else estimated."""
    priced = [base for base in bases if base.training_price is not None and base.tunable_on(day)]
    found = []
    for base in priced:
        counted = _tokens(dataset, base)
        price = hosted.price(counted, hosted.epochs_for(dataset), base)
        if price:
            found.append(Quote(base_model=base.id, provider=base.provider, price=price))
    return tuple(sorted(found, key=lambda quote: (quote.price.usd, quote.base_model)))


def _tokens(dataset: Dataset, base: Base) -> int:
    count = (tokens.o200k() if base.provider == "openai" else None) or tokens.estimated
    sample = list(islice(lines(dataset.train_uri), SAMPLE))
    total = sum(tokens.measured(example, count, base.example_tokens).total for example in sample)
    return round(total * max(dataset.report.train, len(sample)) / max(len(sample), 1))
