"""Styles and scripts under an address that changes with any of them, so that browsers may keep them for good.

The version is a folder and not a query: modules that import one another by relative name then stay one copy.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from errors import NotFound

STATIC = Path(__file__).parent.parent / "static"
router = APIRouter(include_in_schema=False)


@lru_cache(1)
def version() -> str:
    seen = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        seen.update(path.name.encode() + path.read_bytes())
    return seen.hexdigest()[:10]


def static(name: str) -> str:
    return f"/static/{version()}/{name}"


@router.get("/static/{which}/{name}")
def asset(which: str, name: str) -> Response:
    """Raises NotFound. An old version gets the new file, which is not kept then."""
    found = {path.name: path for path in STATIC.iterdir()}.get(name)
    if found is None:
        raise NotFound(f"There is no file {name}.", "Load the page again.")
    kept = "public, max-age=31536000, immutable" if which == version() else "no-cache"
    return FileResponse(found, headers={"Cache-Control": kept})
