"""The models panel at `/`, its cards, and what a card's buttons do."""

import re
import shutil
import tempfile
from email.utils import formatdate
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from errors import LuthierError, NotFound
from records import ENDED
from registry.accounts import Account
from registry.runs import Entry
from web.pages import assets
from web.pages.listing import Search, card_of, overview, panel_of
from web.pages.rendering import done, page
from web.workshop import Shop, Signed, Workshop

router = APIRouter(include_in_schema=False)
router.include_router(assets.router)


def search_of(
    q: Annotated[str, Query(max_length=200)] = "",
    status: Annotated[str, Query(max_length=40)] = "",
    provider: Annotated[str, Query(max_length=40)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Search:
    return Search(q, status, provider, offset)


Searched = Annotated[Search, Depends(search_of)]


@router.get("/")
def home(
    request: Request,
    shop: Shop,
    account: Signed,
    search: Searched,
    deleted: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """`deleted` is a model that the person has just deleted from its own page."""
    entries = shop.work.cards(account)
    context = {
        "account": account,
        "section": "models",
        "panel": panel_of(shop, account, search, entries),
        "overview": overview(entries),
        "chosen": "",
        "gone": gone(shop, account, deleted),
    }
    return page(request, "panel.html", context)


def gone(shop: Workshop, account: Account, key: str) -> Entry | None:
    """What was deleted and can still be restored."""
    try:
        return shop.work.card(account, key, deleted=True) if key else None
    except NotFound:
        return None


@router.get("/cards")
def cards(request: Request, shop: Shop, account: Signed, search: Searched) -> Response:
    """The list, or with an offset what follows in it."""
    found = panel_of(shop, account, search)
    name = "_card_page.html" if search.offset else "_cards.html"
    return page(request, name, {"panel": found, "chosen": chosen_in(request)})


@router.get("/cards/{key}")
def card(request: Request, key: str, shop: Shop, account: Signed) -> Response:
    return page(request, "_card.html", card_context(request, shop, shop.work.card(account, key)))


@router.post("/cards/{key}/rename")
def rename(request: Request, key: str, name: Annotated[str, Form()], shop: Shop, account: Signed) -> Response:
    return changed(request, shop, shop.work.rename(account, key, name))


@router.post("/cards/{key}/retry")
def retry(request: Request, key: str, shop: Shop, account: Signed) -> Response:
    run = shop.work.retry(account, key)
    return changed(request, shop, shop.work.card(account, run.id))


@router.post("/cards/{key}/cancel")
def cancel(request: Request, key: str, shop: Shop, account: Signed) -> Response:
    return changed(request, shop, shop.work.cancel(account, key))


@router.post("/cards/{key}/refresh")
def refresh(request: Request, key: str, shop: Shop, account: Signed) -> Response:
    return done(request, "_card.html", card_context(request, shop, shop.work.refresh(account, key)), "/")


@router.post("/cards/{key}/delete")
def delete(request: Request, key: str, shop: Shop, account: Signed) -> Response:
    entry = shop.work.delete(account, key)
    home = f"/?deleted={entry.run.id}"
    if is_chosen(request, entry):
        # its page is gone too
        return RedirectResponse(home, 303)
    return done(request, "_gone.html", {"gone": entry}, home)


@router.post("/cards/{key}/restore")
def restore(request: Request, key: str, shop: Shop, account: Signed) -> Response:
    return changed(request, shop, shop.work.restore(account, key))


@router.post("/refresh")
def refresh_all(request: Request, shop: Shop, account: Signed) -> Response:
    """Ask the providers about everything that runs. One that can't be reached doesn't stop the others."""
    for entry in shop.work.cards(account):
        if entry.run.status not in ENDED:
            try:
                shop.work.refresh(account, entry.run.id)
            except LuthierError:
                continue
    found = panel_of(shop, account)
    return done(request, "_cards.html", {"panel": found, "chosen": chosen_in(request)}, "/")


@router.get("/models/{key}/adapter.zip")
def download(key: str, shop: Shop, account: Signed) -> Response:
    """The adapter as a zip. Raises NotFound for a model that stays with its provider."""
    model = shop.work.card(account, key).model
    if model is None:
        raise NotFound("There is no adapter yet.", "It is there once the training has succeeded.")
    folder = Path(tempfile.mkdtemp(prefix="luthier-download-"))
    try:
        path = shop.registry.download(model, folder)
    except LuthierError:
        shutil.rmtree(folder)
        raise
    name = re.sub(r"[^\w.-]+", "-", model.display_name).strip("-.") or model.id
    sweep = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    # each download is a copy: by its own date a browser would not go on with it after an interruption
    made = model.created_at.timestamp()
    headers = {"ETag": f'"{model.id}-{made:.0f}"', "Last-Modified": formatdate(made, usegmt=True)}
    return FileResponse(
        path, headers=headers, media_type="application/zip", filename=f"{name}.zip", background=sweep
    )


def card_context(request: Request, shop: Workshop, entry: Entry) -> dict[str, Any]:
    return {"card": card_of(shop, entry), "chosen": chosen_in(request)}


def changed(request: Request, shop: Workshop, entry: Entry) -> Response:
    answer = done(request, "_card.html", card_context(request, shop, entry), "/")
    if is_chosen(request, entry):
        # its page shows more of it than the card
        answer.headers["X-Reload"] = "1"
    return answer


def is_chosen(request: Request, entry: Entry) -> bool:
    known = (entry.run.id, entry.run.job_id, entry.model.id if entry.model else None)
    return chosen_in(request) in filter(None, known)


def chosen_in(request: Request) -> str:
    """The card whose page the person is on."""
    path = request.headers.get("referer", "").partition("//")[2].partition("/")[2].partition("?")[0]
    return path.removeprefix("models/").partition("/")[0] if path.startswith("models/") else ""
