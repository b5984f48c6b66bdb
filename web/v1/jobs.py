"""/v1/fine_tuning/jobs: create, follow, cancel."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from errors import NotFound, Refused
from records import Event, Recipe, Status, content_id
from registry.accounts import Account
from registry.runs import Entry
from registry.uploads import Upload
from web.faults import BadRequest, NoSuch
from web.v1.job_request import CreateJob, hyperparameters_of, preparation_of, recipe_of
from web.v1.shapes import After, Id, in_request, page, seconds
from web.workshop import KeyHolder, Shop, Workshop

router = APIRouter(prefix="/fine_tuning/jobs", tags=["fine-tuning"])

STATUSES: dict[Status, str] = {"in_progress": "running"}
LEVELS = {"warning": "warn"}
METADATA_FILTER = re.compile(r"metadata\[([^\]]{1,64})\]\Z")

Limit = Annotated[int, Query(ge=1, le=100)]


def shown(entry: Entry) -> dict[str, Any]:
    run, job = entry.run, entry.job
    recipe = job.recipe if job else Recipe.model_validate(run.parameters["recipe"])
    asked = run.request.get("hyperparameters", {})
    hyperparameters = {
        "n_epochs": recipe.epochs or "auto",
        "batch_size": asked.get("batch_size", "auto"),
        "learning_rate_multiplier": asked.get("learning_rate_multiplier", "auto"),
    }
    progress, failure = job.progress if job else None, run.failure
    return {
        "id": run.id,
        "object": "fine_tuning.job",
        "created_at": seconds(run.created_at),
        "finished_at": seconds(run.finished_at),
        "estimated_finish": seconds(progress.estimated_finish) if progress else None,
        "status": STATUSES.get(run.status, run.status),
        "model": run.base_model,
        "fine_tuned_model": entry.model.id if entry.model else None,
        "organization_id": run.account,
        "training_file": run.request.get("training_file", ""),
        "validation_file": run.request.get("validation_file"),
        "result_files": [],
        "trained_tokens": _trained_tokens(entry),
        "hyperparameters": hyperparameters,
        "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        "seed": recipe.seed,
        "suffix": run.request.get("suffix"),
        "metadata": run.request.get("metadata"),
        "integrations": [],
        "error": {
            "code": failure.code if failure else None,
            "message": in_request(f"{failure.message} {failure.hint}".strip()) if failure else None,
            "param": None,
        },
    }


def _trained_tokens(entry: Entry) -> int | None:
    progress = entry.job.progress if entry.job and entry.model else None
    found = progress.metrics.get("trained_tokens") if progress else None
    return int(found) if found is not None else None


@router.post("")
def create(body: CreateJob, shop: Shop, account: KeyHolder) -> dict[str, Any]:
    """Fine-tune a model on an uploaded file."""
    upload = _upload(shop, account, body.training_file, "training_file")
    held = _held(body, shop, account)
    asked = hyperparameters_of(body)
    base = shop.work.base(account, body.model)
    recipe = recipe_of(body, base, shop.work.provider(base.provider).Options.model_fields)
    metadata = body.metadata or {}
    run = shop.work.start_training(
        account,
        sources=[upload.path],
        use_case=metadata.get("use_case", "").strip() or f"Answer as the examples in {upload.filename} do",
        recipe=recipe,
        preparation=preparation_of(metadata).but(held=tuple(upload.path for upload in held)),
        name=body.suffix,
        request={
            "training_file": upload.id,
            "validation_file": held[0].id if held else None,
            "suffix": body.suffix,
            "metadata": body.metadata,
            "hyperparameters": asked.model_dump(),
        },
    )
    return shown(Entry(run))


def _held(body: CreateJob, shop: Workshop, account: Account) -> list[Upload]:
    if body.validation_file is None:
        return []
    if body.validation_file == body.training_file:
        raise BadRequest(
            "The validation file is the training file.",
            "Leave it out: Luthier keeps back a part that shares nothing with the rest.",
            param="validation_file",
            why="invalid_value",
        )
    return [_upload(shop, account, body.validation_file, "validation_file")]


def _upload(shop: Workshop, account: Account, id: str, param: str) -> Upload:
    try:
        return shop.registry.upload(account.id, id)
    except NotFound as error:
        raise NoSuch(error.message, error.hint, param) from error


@router.get("")
def list_jobs(
    request: Request, shop: Shop, account: KeyHolder, after: After = None, limit: Limit = 20
) -> dict[str, Any]:
    """The newest first. `metadata[KEY]=VALUE`: only those with that pair; `metadata=null`: without any."""
    found = [entry for entry in shop.work.cards(account) if _fits(entry, request)]
    return page(found, after, limit, lambda entry: entry.run.id, shown)


def _fits(entry: Entry, request: Request) -> bool:
    metadata = entry.run.request.get("metadata") or {}
    if request.query_params.get("metadata") == "null":
        return not metadata
    wanted = {
        match[1]: value
        for name, value in request.query_params.items()
        if (match := METADATA_FILTER.match(name))
    }
    return all(metadata.get(name) == value for name, value in wanted.items())


@router.get("/{job_id}")
def retrieve(job_id: Id, shop: Shop, account: KeyHolder) -> dict[str, Any]:
    return shown(shop.work.card(account, job_id))


@router.post("/{job_id}/cancel")
def cancel(job_id: Id, shop: Shop, account: KeyHolder) -> dict[str, Any]:
    return shown(shop.work.cancel(account, job_id))


@router.post("/{job_id}/pause")
@router.post("/{job_id}/resume")
def pause(job_id: Id, shop: Shop, account: KeyHolder) -> dict[str, Any]:
    """Refused: no provider of ours halts a job."""
    shop.work.card(account, job_id)
    raise Refused(
        "Jobs can't be paused or resumed.",
        "Cancel it; `luthier jobs retry`, or Retry on its card, goes on with the same data.",
    )


@router.get("/{job_id}/events")
def events(
    job_id: Id, shop: Shop, account: KeyHolder, after: After = None, limit: Limit = 20
) -> dict[str, Any]:
    """The newest first."""
    found = list(enumerate(shop.work.events(account, job_id)))[::-1]
    return page(found, after, limit, lambda one: _event_id(*one), lambda one: _shown_event(*one))


def _event_id(number: int, event: Event) -> str:
    return content_id("ftevent", number, event.at.isoformat(), event.message)


def _shown_event(number: int, event: Event) -> dict[str, Any]:
    return {
        "id": _event_id(number, event),
        "object": "fine_tuning.job.event",
        "created_at": seconds(event.at),
        "level": LEVELS.get(event.level, event.level),
        "message": in_request(event.message),
        "type": "metrics" if event.metrics else "message",
        "data": event.metrics or {},
    }


@router.get("/{job_id}/checkpoints")
def checkpoints(
    job_id: Id, shop: Shop, account: KeyHolder, after: After = None, limit: Limit = 10
) -> dict[str, Any]:
    """The finished model is the only checkpoint that can be talked to."""
    entry = shop.work.card(account, job_id)
    found = [_shown_checkpoint(entry)] if entry.model else []
    return page(found, after, limit, lambda one: str(one["id"]), lambda one: one)


def _shown_checkpoint(entry: Entry) -> dict[str, Any]:
    assert entry.model is not None
    progress = entry.job.progress if entry.job else None
    metrics = progress.metrics if progress else {}
    step = progress.step if progress else 0
    losses = {"step": float(step), "train_loss": metrics.get("train_loss", metrics.get("loss"))}
    losses["full_valid_loss"] = metrics.get("holdout_loss")
    return {
        "id": content_id("ftckpt", entry.model.id),
        "object": "fine_tuning.job.checkpoint",
        "created_at": seconds(entry.model.created_at),
        "fine_tuning_job_id": entry.run.id,
        "fine_tuned_model_checkpoint": entry.model.id,
        "step_number": step,
        "metrics": {name: value for name, value in losses.items() if value is not None},
    }
