"""/v1/models: the account's own models; their base's last day is `shutdown_date`."""

from typing import Any

from fastapi import APIRouter

from errors import NotFound
from providers.catalogue import bases
from registry.runs import Entry
from web.faults import NoSuch
from web.v1.shapes import Id, seconds
from web.workshop import KeyHolder, Shop, Workshop

router = APIRouter(prefix="/models", tags=["models"])


def shown(entry: Entry, shop: Workshop) -> dict[str, Any]:
    model = entry.model
    assert model is not None
    base = bases(shop.settings.bases_file).get(model.base_model)
    return {
        "id": model.id,
        "object": "model",
        "created": seconds(model.created_at),
        "owned_by": "luthier",
        "root": model.base_model,
        "name": model.display_name,
        "shutdown_date": base.inference_until.isoformat() if base and base.inference_until else None,
    }


def model_entry(shop: Workshop, account: KeyHolder, key: str) -> Entry:
    """The entry of a finished model. Raises NotFound."""
    try:
        entry = shop.work.card(account, key)
    except NotFound:
        entry = None
    if entry is None or entry.model is None:
        raise NoSuch(
            f"The model '{key}' does not exist, or you have no access to it.",
            "GET /v1/models lists yours.",
            param="model",
            why="model_not_found",
        )
    return entry


@router.get("")
def list_models(shop: Shop, account: KeyHolder) -> dict[str, Any]:
    found = [shown(entry, shop) for entry in shop.work.cards(account) if entry.model]
    return {"object": "list", "data": found}


@router.get("/{model}")
def retrieve(model: Id, shop: Shop, account: KeyHolder) -> dict[str, Any]:
    return shown(model_entry(shop, account, model), shop)


@router.delete("/{model}")
def delete(model: Id, shop: Shop, account: KeyHolder) -> dict[str, Any]:
    """The model no longer counts against the plan."""
    entry = shop.work.delete(account, model_entry(shop, account, model).run.id)
    assert entry.model is not None
    return {"id": entry.model.id, "object": "model", "deleted": True}
