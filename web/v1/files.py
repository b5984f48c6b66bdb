"""/v1/files: training data, as JSONL of messages or as raw documents."""

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from errors import Refused
from registry.uploads import Upload
from web.faults import BadRequest
from web.v1.shapes import After, ErrorBody, Id, page, seconds, unsupported
from web.workshop import KeyHolder, Shop

router = APIRouter(prefix="/files", tags=["files"])
PURPOSES = ("fine-tune", "user_data")
FIELDS = frozenset({"file", "purpose"})


class Kept(FileResponse):
    """A file, or the part that the header Range asks for; starlette refuses a bad one in plain text."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def checked(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (400, 416):
                size = Path(self.path).stat().st_size
                raise HTTPException(
                    416,
                    f"The header Range asks for no part of this file's {size} bytes.",
                    headers={"Content-Range": f"bytes */{size}"},
                )
            await send(message)

        await super().__call__(scope, receive, checked)


def shown(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "object": "file",
        "bytes": upload.bytes,
        "created_at": seconds(upload.created_at),
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": "processed",
        "status_details": None,
        "expires_at": None,
    }


@router.post("")
async def create(
    request: Request,
    shop: Shop,
    account: KeyHolder,
    file: Annotated[UploadFile, File()],
    purpose: Annotated[str, Form()],
) -> dict[str, Any]:
    """Upload a file: examples as JSONL, or tables and documents as they are."""
    given = [name for name, _ in (await request.form()).multi_items()]
    if unknown := sorted(set(given) - FIELDS):
        raise BadRequest(f"Unknown parameter: '{unknown[0]}'.", param=unknown[0], why="unknown_parameter")
    if again := next((name for name in FIELDS if given.count(name) > 1), None):
        raise BadRequest(
            f"'{again}' is given {given.count(again)} times.",
            "Send one file a request.",
            param=again,
            why="invalid_value",
        )
    if purpose not in PURPOSES:
        raise unsupported("purpose", f"The purpose '{purpose}' is not supported.", "Use 'fine-tune'.")
    if not file.filename:
        raise BadRequest("The file has no name.", "Its ending tells the format.", param="file")
    if (file.size or 0) > shop.settings.upload_bytes:
        raise BadRequest(f"The file is larger than {shop.settings.upload_bytes} bytes.", param="file")
    upload = await run_in_threadpool(shop.registry.keep_upload, account.id, file.filename, file.file, purpose)
    await run_in_threadpool(shop.registry.audit, account.id, "file.create", upload.id, upload.filename)
    return shown(upload)


@router.get("")
def list_files(
    shop: Shop,
    account: KeyHolder,
    purpose: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    after: After = None,
) -> dict[str, Any]:
    found = [one for one in shop.registry.uploads(account.id) if purpose in (None, one.purpose)]
    if order == "asc":
        found.reverse()
    return page(found, after, limit, lambda one: one.id, shown)


@router.get("/{file_id}")
def retrieve(file_id: Id, shop: Shop, account: KeyHolder) -> dict[str, Any]:
    return shown(shop.registry.upload(account.id, file_id))


@router.get("/{file_id}/content", response_class=FileResponse, responses={416: {"model": ErrorBody}})
def content(file_id: Id, shop: Shop, account: KeyHolder) -> Response:
    upload = shop.registry.upload(account.id, file_id)
    return Kept(upload.path, media_type="application/octet-stream", filename=upload.filename)


@router.delete("/{file_id}")
def delete(file_id: Id, shop: Shop, account: KeyHolder) -> dict[str, Any]:
    """What was trained on the file stays."""
    upload = shop.registry.upload(account.id, file_id)
    if shop.work.in_use(account, upload.path):
        raise Refused("A job still reads this file.", "Cancel the job, or wait until its data is validated.")
    shop.registry.delete_upload(account.id, upload.id)
    shop.registry.audit(account.id, "file.delete", upload.id, upload.filename)
    return {"id": upload.id, "object": "file", "deleted": True}
