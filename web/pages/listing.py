"""The models panel as a list: an account's cards, searched, filtered and cut to a page."""

from dataclasses import dataclass

from errors import Refused
from providers.catalogue import Base, find
from records import Status, now
from registry.accounts import Account
from registry.runs import Entry
from web.pages.cards import Card, retirement_of
from web.workshop import Workshop

PAGE = 40


@dataclass(frozen=True)
class Search:
    """Cards that hold all words of `query`, in that state, of that provider; empty means any."""

    query: str = ""
    status: str = ""
    provider: str = ""
    offset: int = 0

    @property
    def narrows(self) -> bool:
        return bool(self.query.strip() or self.status or self.provider)


@dataclass(frozen=True)
class Panel:
    cards: list[Card]
    total: int
    search: Search

    @property
    def next_offset(self) -> int | None:
        end = self.search.offset + PAGE
        return end if end < self.total else None


def panel_of(
    shop: Workshop, account: Account, search: Search | None = None, entries: list[Entry] | None = None
) -> Panel:
    """`entries` are all of the account's, if they are at hand."""
    search = search or Search()
    entries = shop.work.cards(account) if entries is None else entries
    found = [entry for entry in entries if fits(entry, search)]
    shown = found[search.offset : search.offset + PAGE]
    return Panel([card_of(shop, entry) for entry in shown], len(found), search)


def fits(entry: Entry, search: Search) -> bool:
    if search.status and status_of(entry) != search.status:
        return False
    if search.provider and entry.run.provider != search.provider:
        return False
    text = searched(entry)
    return all(word in text for word in search.query.casefold().split())


def searched(entry: Entry) -> str:
    """Name, use case, base model and ids."""
    run, job, model = entry
    about = (model.display_name, model.description, model.id) if model else (run.name, run.use_case)
    return "\n".join((*about, run.base_model, run.id, job.id if job else "")).casefold()


def status_of(entry: Entry) -> Status:
    return "succeeded" if entry.model else entry.run.status


def card_of(shop: Workshop, entry: Entry) -> Card:
    description = entry.run.use_case
    if not description and not entry.model and entry.run.dataset_id:
        # what the command line started is described by its dataset
        description = shop.registry.dataset(entry.run.dataset_id).use_case
    run = entry.run.but(use_case=description)
    base = base_of(shop, run.base_model)
    return Card(run, entry.job, entry.model, retirement_of(base, now().date()))


def base_of(shop: Workshop, base_model: str) -> Base | None:
    """None for a base that has left the catalogue."""
    try:
        return find(base_model, shop.settings.bases_file)
    except Refused:
        return None


def overview(cards: list[Entry]) -> list[tuple[str, str]]:
    """A few counts for the first page."""
    states = [status_of(entry) for entry in cards]
    ready, failed = states.count("succeeded"), states.count("failed")
    running = len(states) - ready - failed - states.count("cancelled")
    better = sum(
        bool(entry.model and entry.model.evaluation and entry.model.evaluation.verdict == "better")
        for entry in cards
    )
    counts = {
        "ready to use": ready,
        "better than their base": better,
        "in the making": running,
        "failed": failed,
    }
    return [(label, f"{count:,}") for label, count in counts.items()]
