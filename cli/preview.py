"""A dataset as a person looks at it before they train: what came in, what went out and why, how it reads, how
long the examples are, what it would cost."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from cli.terminal import out, table
from providers import OWN_HARDWARE, TITLES
from records import Dataset, Drop, Quote, TokenStatistics

if TYPE_CHECKING:
    from registry.store import Registry

EXAMPLES = 10
DROPS = 2  # excerpts shown of each reason
FILES = 20
WIDEST_BAR = 30
LONGEST = 400


def show_dataset(dataset: Dataset, registry: "Registry", to: Console = out) -> None:
    show_report(dataset, to)
    show_drops(dataset, registry, to)
    show_examples(dataset, registry, to)
    folder = dataset.train_uri.rsplit("/", 1)[0]
    to.print(f"\nFiles: {escape(folder)} (train, holdout, lineage, drops, validation.html)", soft_wrap=True)
    to.print(f"Next:  luthier train --dataset {dataset.id}")


def show_report(dataset: Dataset, to: Console = out) -> None:
    """What came in and what became of it, in figures."""
    report = dataset.report
    used = [file for file in report.files if file.used]
    rows: list[tuple[str, object]] = [
        ("files", f"{len(used):,} used, {len(report.files) - len(used):,} not"),
        ("rows", f"{report.rows_in:,}"),
        ("examples", f"{report.train:,} training, {report.holdout:,} holdout (overlap {report.overlap:.0%})"),
        ("kind", f"{dataset.kind}: {report.kind_reason}"),
    ]
    if report.labels:
        rows.append(("labels", ", ".join(f"{name} {count}" for name, count in report.labels.items())))
    if report.price:
        rows.append(("price", f"about ${report.price.usd:.2f} (estimate, prices of {report.price.as_of})"))
    rows += [("dropped", f"{count:,} {reason}") for reason, count in report.dropped.items()]
    table(f"Dataset {dataset.id}", "", "", rows=rows, to=to)
    if report.tokens:
        show_tokens(report.tokens, to)
    show_prices(report.quotes, to)
    unused = [file for file in report.files if not file.used]
    for file in unused[:FILES]:
        to.print(f"[yellow]not used[/] {escape(file.name)}: {escape(file.reason)}")
    if len(unused) > FILES:
        to.print(f"[yellow]not used[/] {len(unused) - FILES:,} more files, see validation.html")
    for found in report.findings:
        style = {"error": "red", "warning": "yellow"}.get(found.severity, "dim")
        to.print(f"[{style}]{found.severity}[/] {escape(found.message)} {escape(found.hint)}")


def show_tokens(tokens: TokenStatistics, to: Console) -> None:
    """Bars of how many training examples have how many tokens."""
    to.print(
        f"[bold]Tokens[/] {tokens.total:,}, {tokens.trainable:,} of them learned from; an example has "
        f"{tokens.shortest:,} to {tokens.longest:,}, in the middle {tokens.median:,}"
    )
    largest = max((count for _, count in tokens.histogram), default=0)
    for below, count in tokens.histogram:
        bar = "█" * max(round(WIDEST_BAR * count / largest), 1 if count else 0)
        to.print(f"  under {below:>7,}  {bar} {count:,}")


def show_prices(quotes: Sequence[Quote], to: Console) -> None:
    if not quotes:
        return
    rows: list[tuple[object, ...]] = [(TITLES[OWN_HARDWARE], "any", "nothing", "")]
    rows += [
        (
            TITLES.get(quote.provider, quote.provider),
            quote.base_model,
            f"about ${quote.price.usd:.2f}",
            quote.price.as_of,
        )
        for quote in quotes
    ]
    table("What training would cost", "provider", "base model", "price", "as of", rows=rows, to=to)


def show_drops(dataset: Dataset, registry: "Registry", to: Console) -> None:
    """Some of what was left out, by reason."""
    if not dataset.report.dropped:
        return
    to.print("\n[bold]Left out[/], for instance")
    for reason, drops in _by_reason(registry.drops(dataset), set(dataset.report.dropped)):
        to.print(f"  [yellow]{escape(reason)}[/]")
        for drop in drops:
            to.print(
                f"    [dim]{escape(str(drop.source))}[/] {escape(_short(drop.excerpt, 120))}", soft_wrap=True
            )


def _by_reason(drops: Iterator[Drop], reasons: set[str]) -> list[tuple[str, list[Drop]]]:
    """The first drops of each reason; reads no further than it must."""
    found: dict[str, list[Drop]] = {}
    open_ones = set(reasons)
    for drop in drops:
        shown = found.setdefault(drop.reason, [])
        if len(shown) < DROPS:
            shown.append(drop)
        if len(shown) == DROPS:
            open_ones.discard(drop.reason)
        if not open_ones:
            break
    return sorted(found.items())


def show_examples(dataset: Dataset, registry: "Registry", to: Console) -> None:
    to.print(f"\n[bold]Examples[/], {min(EXAMPLES, dataset.report.examples)} of {dataset.report.examples:,}")
    if dataset.system:
        to.print(
            f"  [bold]{'system':9}[/] {escape(_short(dataset.system, LONGEST))} [dim](in all of them)[/]"
        )
    for example in islice(registry.examples(dataset), EXAMPLES):
        to.print(f"\n[dim]{escape('; '.join(map(str, example.sources)))}[/]", soft_wrap=True)
        for message in example.messages:
            if message.role != "system" or message.content != dataset.system:
                to.print(f"  [bold]{message.role:9}[/] {escape(_short(message.content, LONGEST))}")


def _short(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[:length] + " …"
