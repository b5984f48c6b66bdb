"""OpenAI's API over our files, jobs and models: the official SDK needs nothing but another base URL."""

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer

from web.v1 import chat, files, jobs, models
from web.v1.shapes import ErrorBody

# the gate has checked the key already; this line describes it in the document
KEY = HTTPBearer(auto_error=False, description="an API key of the profile page or of `luthier keys create`")
FAULTS = (400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 502, 503)

api = APIRouter(
    prefix="/v1",
    dependencies=[Security(KEY)],
    responses={status: {"model": ErrorBody} for status in FAULTS},
)
for part in (files, jobs, models, chat):
    api.include_router(part.router)
