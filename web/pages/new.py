"""Create a Custom Model: files and a use case, a preview of what would be learned, then the training."""

from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from errors import LuthierError
from providers.catalogue import bases
from records import ENDED, Dataset, Preparation, Recipe, Redaction
from registry.accounts import Account
from registry.models import checked_name
from registry.runs import Run
from web.faults import BadRequest
from web.pages.bases import choices
from web.pages.cards import Card
from web.pages.details import some_drops
from web.pages.listing import base_of
from web.pages.rendering import page
from web.pages.usecase import hint_for
from web.workshop import Shop, Signed, Workshop

router = APIRouter(include_in_schema=False, prefix="/new")
PREVIEWED = 10
RECENT = 5
ACCEPTS = "accept_retirement"  # an option of every hosted provider
KINDS = Literal["auto", "chat", "classify", "style", "reference"]


@router.get("")
def form(
    request: Request, shop: Shop, account: Signed, again: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """`again` is an earlier preparation, whose files and settings fill the form."""
    earlier = shop.work.run(account, again) if again else None
    return page(request, "new.html", form_context(shop, account, earlier))


def form_context(shop: Workshop, account: Account, earlier: Run | None) -> dict[str, Any]:
    open_bases, closed_bases = choices(shop, account)
    usage = shop.work.usage(account)
    limit = usage.plan.limit(premium=False)
    return {
        "account": account,
        "section": "new",
        "choices": open_bases,
        "closed": closed_bases,
        "filled": filled_in(shop, account, earlier),
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
    sources = parameters.get("sources", [])
    uploads = {upload.path: upload for upload in shop.registry.uploads(account.id)} if sources else {}
    return {
        "use_case": earlier.use_case if earlier else "",
        "uploads": [uploads[source] for source in sources if source in uploads],
        "uris": [source for source in sources if source not in uploads] if account.owner else [],
        "recipe": recipe,
        "other_base": "" if listed else recipe.base_model,
        "preparation": Preparation.model_validate(parameters.get("preparation", {})),
        "accepts": bool(recipe.options.get(ACCEPTS)),
    }


def recent_datasets(shop: Workshop, account: Account) -> list[Run]:
    made = shop.registry.runs(account.id, ("succeeded",))
    return [run for run in made if run.flow == "prepare_dataset" and run.dataset_id][:RECENT]


@router.post("/files")
def upload(request: Request, file: UploadFile, shop: Shop, account: Signed) -> Response:
    """One file; the answer is its line in the form."""
    kept = shop.registry.keep_upload(account.id, file.filename or "file", file.file)
    return page(request, "_upload.html", {"upload": kept})


@router.post("/files/{key}/delete")
def remove(key: str, shop: Shop, account: Signed) -> Response:
    shop.registry.delete_upload(account.id, key)
    return HTMLResponse("")


@router.post("/hint")
def hint(request: Request, account: Signed, use_case: Annotated[str, Form()] = "") -> Response:
    return page(request, "_hint.html", {"hint": hint_for(use_case[:4000])})


@router.post("")
def prepare(
    request: Request,
    shop: Shop,
    account: Signed,
    use_case: Annotated[str, Form(max_length=4000)] = "",
    base_model: Annotated[str, Form(max_length=500)] = "",
    other_base: Annotated[str, Form(max_length=500)] = "",
    files: Annotated[list[str], Form()] = [],  # noqa: B006 (FastAPI never changes it)
    uris: Annotated[str, Form(max_length=8000)] = "",
    kind: Annotated[KINDS, Form()] = "auto",
    label: Annotated[str, Form(max_length=200)] = "",
    holdout: Annotated[float, Form(ge=0, le=0.5)] = 0.1,
    near_duplicates: Annotated[float, Form(ge=0.5, le=1)] = 0.85,
    redact: Annotated[bool, Form()] = False,
    allow: Annotated[str, Form(max_length=8000)] = "",
    assistant: Annotated[str, Form(max_length=200)] = "",
    seed: Annotated[int, Form(ge=0, le=2**31 - 1)] = 17,
    epochs: Annotated[str, Form(max_length=20)] = "",
    learning_rate: Annotated[str, Form(max_length=20)] = "",
    rank: Annotated[str, Form(max_length=20)] = "",
    accept_retirement: Annotated[bool, Form()] = False,
) -> Response:
    """Start the preparation, which costs nothing, and show how it goes."""
    sources = [shop.registry.upload(account.id, one).path for one in files]
    sources += [line.strip() for line in uris.splitlines() if line.strip()]
    base_model = other_base.strip() or base_model or shop.settings.base_model
    recipe = recipe_of(base_model, epochs, learning_rate, rank, seed)
    if accept_retirement and shop.work.base(account, base_model).provider != "gpu":
        recipe = recipe.but(options={ACCEPTS: True})
    preparation = Preparation(
        kind=kind,
        label=label.strip() or None,
        holdout=holdout,
        near_duplicates=near_duplicates,
        redact=redact,
        redaction=Redaction(allow=tuple(line.strip() for line in allow.splitlines() if line.strip())),
        assistant=assistant.strip() or None,
        seed=seed,
    )
    run = shop.work.start_preparation(account, sources, use_case, recipe, preparation)
    return RedirectResponse(f"/new/{run.id}", 303)


def recipe_of(base_model: str, epochs: str, learning_rate: str, rank: str, seed: int) -> Recipe:
    """Fields that were left empty are the provider's to fill. Raises BadRequest for a value that can't be."""
    given = {"epochs": epochs, "learning_rate": learning_rate, "rank": rank}
    try:
        return Recipe(
            base_model=base_model, seed=seed, **{name: text for name, text in given.items() if text.strip()}
        )
    except ValueError as error:
        fault = error.errors()[0] if hasattr(error, "errors") else {"loc": ("recipe",), "msg": str(error)}
        name = str(fault["loc"][0]).replace("_", " ")
        raise BadRequest(
            f"The {name} can't be used: {fault['msg']}.", "Leave it empty for the default."
        ) from error


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
