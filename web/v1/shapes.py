"""Shapes that several routes share: the error envelope, pages of a list, moments."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, model_validator

from web.faults import BadRequest

T = TypeVar("T")
Id = Annotated[str, Path(min_length=1, max_length=128)]
After = Annotated[str | None, Query(max_length=128, description="the id that the last page ended with")]


# what an option of the commands is called in a request
FIELDS = {
    "accept-retirement": '`metadata.accept_retirement` = "true"',
    "epochs": "`n_epochs`",
    "label": "`metadata.label`",
}
OPTION = re.compile(rf"(?<![\w-])--({'|'.join(FIELDS)})(?![\w-])")


class Body(BaseModel):
    """What a request holds: what isn't known is refused by name."""

    model_config = ConfigDict(extra="forbid")


class Asked(Body):
    """The whole of a request's body."""

    @model_validator(mode="before")
    @classmethod
    def is_text(cls, body: Any) -> Any:
        """JSON can write half of a character (`\\ud800`), which no vendor, tokenizer or database takes."""
        try:
            # what is no JSON object, the model itself refuses
            json.dumps(body if isinstance(body, dict) else None, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ValueError("The body is nested too deeply.") from error
        except UnicodeEncodeError as error:
            raise ValueError(
                f"The body holds half of a character, {error.object[error.start]!r}: text was cut inside one."
            ) from error
        return body


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    error: ErrorDetail


def seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None


def in_request(hint: str) -> str:
    """A hint that names what to type in a terminal, as what to send."""
    return OPTION.sub(lambda found: FIELDS[found[1]], hint)


def page(
    found: Sequence[T], after: str | None, limit: int, id_of: Callable[[T], str], shown: Callable[[T], Any]
) -> dict[str, Any]:
    """A page of a list, after the entry of that id. Raises BadRequest for an id that isn't in the list."""
    start = 0
    if after:
        places = [place for place, one in enumerate(found) if id_of(one) == after]
        if not places:
            raise BadRequest(f"There is nothing after '{after}'.", "", param="after", why="invalid_value")
        start = places[0] + 1
    some = found[start : start + limit]
    data = [shown(one) for one in some]
    return {
        "object": "list",
        "data": data,
        "first_id": id_of(some[0]) if some else None,
        "last_id": id_of(some[-1]) if some else None,
        "has_more": start + limit < len(found),
    }


def unsupported(param: str, message: str, hint: str = "") -> BadRequest:
    return BadRequest(message, hint, param=param, why="unsupported_parameter")
