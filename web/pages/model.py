"""A model's own page: evaluation, loss and events, data report, examples with sources, recipe, snippets."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from errors import LuthierError
from records import Dataset, Event
from registry.runs import Entry
from web.pages.curves import loss_curve
from web.pages.details import confusion_of, lineage_of, recipe_rows, snippets, some_drops
from web.pages.listing import card_of, panel_of
from web.pages.panel import Searched
from web.pages.rendering import page
from web.workshop import Shop, Signed, Workshop

router = APIRouter(include_in_schema=False, prefix="/models")


@router.get("/{key}")
def show(request: Request, key: str, shop: Shop, account: Signed, search: Searched) -> Response:
    entry = shop.work.card(account, key)
    card = card_of(shop, entry)
    dataset = dataset_of(shop, entry)
    sections = [
        ("evaluation", "Evaluation", card.evaluation),
        ("events", "Loss and events", card.job),
        ("data", "Data", dataset),
        ("examples", "Examples", dataset),
        ("recipe", "Recipe", True),
        ("api", "API", card.model),
    ]
    panel = panel_of(shop, account, search)
    if all(one.key != card.key for one in panel.cards):
        panel.cards.insert(0, card)
    context: dict[str, Any] = {
        "account": account,
        "section": "models",
        "panel": panel,
        "chosen": card.id,
        "card": card,
        "sections": [(anchor, title) for anchor, title, there in sections if there],
        "confusion": confusion_of(card.evaluation),
        "dataset": dataset,
        "drops": some_drops(shop.registry, dataset) if dataset else [],
        "lineage": lineage_of(shop.registry, dataset) if dataset else None,
        "recipe": recipe_rows(entry),
        "snippets": snippets(card.id, api_url(request, shop)),
        "preview": False,
    }
    return page(request, "model.html", context)


@router.get("/{key}/live")
def live(
    request: Request,
    key: str,
    shop: Shop,
    account: Signed,
    shown: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The progress of a job; once it has ended, or there is more to show than `shown`, the browser is told
    to load the page anew."""
    card = card_of(shop, shop.work.card(account, key))
    if card.running and shown == card.parts:
        return page(request, "_live.html", {"card": card})
    return HTMLResponse(headers={"X-Reload": "1"})


@router.get("/{key}/events")
def events(request: Request, key: str, shop: Shop, account: Signed) -> Response:
    """Events and the loss curve; the vendor may have to be asked for them."""
    entry = shop.work.card(account, key)
    happened: list[Event] = []
    fault = ""
    try:
        happened = shop.work.events(account, key)
    except LuthierError as error:
        fault = str(error)
    context = {
        "key": entry.run.id,
        "running": card_of(shop, entry).running,
        "events": happened,
        "curve": loss_curve(happened),
        "fault": fault,
    }
    return page(request, "_events.html", context)


@router.get("/{key}/examples")
def examples(
    request: Request,
    key: str,
    shop: Shop,
    account: Signed,
    source: Annotated[str, Query(max_length=2000)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    entry = shop.work.card(account, key)
    dataset = dataset_of(shop, entry)
    if dataset is None:
        return HTMLResponse('<div id="lineage" data-swap></div>')
    found = lineage_of(shop.registry, dataset, source, offset)
    return page(
        request, "_lineage.html", {"card": card_of(shop, entry), "dataset": dataset, "lineage": found}
    )


def dataset_of(shop: Workshop, entry: Entry) -> Dataset | None:
    """None as long as it is in the making."""
    known = (
        entry.model.dataset_id if entry.model else entry.job.dataset_id if entry.job else entry.run.dataset_id
    )
    if known is None:
        return None
    try:
        return shop.registry.dataset(known)
    except LuthierError:
        return None


def api_url(request: Request, shop: Workshop) -> str:
    return f"{(shop.settings.public_url or str(request.base_url)).rstrip('/')}/v1"
