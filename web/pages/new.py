"""Create a Custom Model: files and a use case, a preview of what would be learned, then the training."""

from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from errors import LuthierError
from providers import is_hosted
from providers.catalogue import bases
from records import ENDED, Dataset, Preparation, Recipe
from registry.accounts import Account
from registry.models import checked_name
from registry.runs import Run
from web.faults import BadRequest
from web.pages.bases import choices
from web.pages.cards import Card
from web.pages.details import some_drops
from web.pages.listing import base_of
from web.pages.order import ACCEPTS, CLASSES, MAX_COST, Order, lines, treatment
from web.pages.rendering import page
from web.pages.usecase import hint_for
from web.pages.words import PRIVATE
from web.workshop import Shop, Signed, Workshop

router = APIRouter(include_in_schema=False, prefix="/new")
PREVIEWED = 10
RECENT = 5


@router.get("")
def form(
    request: Request, shop: Shop, account: Signed, again: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """`again` is an earlier preparation, whose files and settings fill the form."""
    earlier = shop.work.run(account, again) if again else None
    return page(request, "new.html", form_context(shop, account, earlier))


def form_context(shop: Workshop, account: Account, earlier: Run | None) -> dict[str, Any]:
    filled = filled_in(shop, account, earlier)
    usage = shop.work.usage(account)
    limit = usage.plan.limit(premium=False)
    return {
        "account": account,
        "section": "new",
        "choices": choices(shop, account, filled["recipe"].base_model),
        "filled": filled,
        "hint": hint_for(earlier.use_case if earlier else ""),
        "usage": usage,
        "full": limit is not None and usage.models >= limit,
        "recent": recent_datasets(shop, account),
        "largest": shop.settings.upload_bytes,
    }


def filled_in(shop: Workshop, account: Account, earlier: Run | None) -> dict[str, Any]:
    """What stands in the form at first."""
    parameters = earlier.parameters if earlier else {}
    recipe = Recipe.model_validate(parameters.get("recipe", {"base_model": shop.settings.base_model}))
    listed = recipe.base_model in bases(shop.settings.bases_file)
    preparation = Preparation.model_validate(parameters.get("preparation", {}))
    uploads = {one.path: one for one in shop.registry.uploads(account.id)} if earlier else {}
    given, held = parameters.get("sources", []), preparation.held
    return {
        "use_case": earlier.use_case if earlier else "",
        "uploads": [uploads[place] for place in given if place in uploads],
        "uris": [place for place in given if place not in uploads] if account.owner else [],
        "held": [uploads[place] for place in held if place in uploads],
        "held_uris": [place for place in held if place not in uploads] if account.owner else [],
        "recipe": recipe,
        "other_base": "" if listed else recipe.base_model,
        "preparation": preparation,
        "private": [(name, PRIVATE[name], treatment(preparation.redaction, name)) for name in CLASSES],
        "accepts": bool(recipe.options.get(ACCEPTS)),
        "max_cost": recipe.options.get(MAX_COST),
    }


def recent_datasets(shop: Workshop, account: Account) -> list[Run]:
    made = shop.registry.runs(account.id, ("succeeded",))
    return [run for run in made if run.flow == "prepare_dataset" and run.dataset_id][:RECENT]


@router.post("/files")
def upload(
    request: Request,
    file: UploadFile,
    shop: Shop,
    account: Signed,
    field: Annotated[Literal["files", "held"], Query()] = "files",
) -> Response:
    """One file; the answer is its line in the form, for that field of it."""
    kept = shop.registry.keep_upload(account.id, file.filename or "file", file.file)
    return page(request, "_upload.html", {"upload": kept, "field": field})


@router.post("/files/{key}/delete")
def remove(key: str, shop: Shop, account: Signed) -> Response:
    shop.registry.delete_upload(account.id, key)
    return HTMLResponse("")


@router.post("/hint")
def hint(request: Request, account: Signed, use_case: Annotated[str, Form()] = "") -> Response:
    return page(request, "_hint.html", {"hint": hint_for(use_case[:4000])})


@router.post("")
def prepare(order: Annotated[Order, Form()], shop: Shop, account: Signed) -> Response:
    """Start the preparation, which costs nothing, and show how it goes."""
    base_model = order.other_base.strip() or order.base_model or shop.settings.base_model
    hosted = is_hosted(shop.work.base(account, base_model).provider)
    run = shop.work.start_preparation(
        account,
        places(shop, account, order.files, order.uris),
        order.use_case,
        order.recipe(base_model, hosted),
        order.preparation(tuple(places(shop, account, order.held, order.held_uris))),
    )
    return RedirectResponse(f"/new/{run.id}", 303)


def places(shop: Workshop, account: Account, uploads: list[str], uris: str) -> list[str]:
    """Where the account's uploads of those ids lie, and what else was named."""
    return [shop.registry.upload(account.id, one).path for one in uploads] + lines(uris)


@router.get("/{key}")
def preview(request: Request, key: str, shop: Shop, account: Signed) -> Response:
    """What came in, what was dropped, ten examples and the cost, before anything is spent."""
    run = shop.work.run(account, key)
    dataset = prepared(shop, run)
    context = {
        "account": account,
        "section": "new",
        "run": run,
        "card": Card(run),
        "dataset": dataset,
        "drops": some_drops(shop.registry, dataset) if dataset else [],
        "examples": some_examples(shop, dataset) if dataset else [],
        "base": base_of(shop, run.base_model),
        "preview": True,
    }
    return page(request, "preview.html", context)


@router.get("/{key}/state")
def state(request: Request, key: str, shop: Shop, account: Signed) -> Response:
    run = shop.work.run(account, key)
    if run.status in ENDED:
        return HTMLResponse(headers={"X-Reload": "1"})
    return page(request, "_preparing.html", {"run": run, "card": Card(run)})


@router.post("/{key}/train")
def train(key: str, shop: Shop, account: Signed, name: Annotated[str, Form(max_length=100)] = "") -> Response:
    """Start the training on what was shown."""
    run = shop.work.run(account, key)
    dataset = prepared(shop, run)
    if dataset is None:
        raise BadRequest("The data is not ready yet.", "Wait for the preview.")
    recipe = Recipe.model_validate(run.parameters["recipe"])
    name = " ".join(name.split())
    started = shop.work.start_training(
        account, dataset_id=dataset.id, recipe=recipe, name=checked_name(name) if name else None
    )
    return RedirectResponse(f"/models/{started.id}", 303)


def prepared(shop: Workshop, run: Run) -> Dataset | None:
    """A dataset that failed validation is shown too, if it got that far."""
    if run.status not in ENDED or not run.dataset_id:
        return None
    try:
        return shop.registry.dataset(run.dataset_id)
    except LuthierError:
        return None


def some_examples(shop: Workshop, dataset: Dataset) -> list[Any]:
    try:
        return list(islice(shop.registry.lineage(dataset.id, with_messages=True), PREVIEWED))
    except LuthierError:
        return []
