"""What is wrong with a request: one sentence, and the field as OpenAI names it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Fault = Mapping[str, Any]
# parts of a request that are no fields of it
PLACES = ("body", "query", "path", "header")
# FastAPI's words for a form's field where a file is wanted
NO_FILE = "Expected UploadFile, received: <class 'str'>"
WORDS = {NO_FILE: "a file has a filename in its part of the form"}


class Wrong(NamedTuple):
    message: str
    code: str
    param: str | None


def wrong(faults: Sequence[Fault], body: Any) -> Wrong:
    """`faults` are pydantic's, of a request whose body was read as `body`."""
    fault = _telling(faults, body)
    # bad JSON is placed by its character
    param = None if fault["type"] == "json_invalid" else named(fault, body) or None
    if param is None:
        return Wrong(*_of_the_whole(fault), None)
    if fault["type"] == "extra_forbidden":
        return Wrong(f"Unknown parameter: '{param}'.", "unknown_parameter", param)
    if fault["type"] == "missing":
        return Wrong(f"Missing required parameter: '{param}'.", "missing_required_parameter", param)
    # what a rule of ours said, without pydantic's words in front
    said = str(fault["msg"]).removeprefix("Value error, ")
    return Wrong(f"Invalid value for '{param}': {WORDS.get(said, said)}.", "invalid_value", param)


def _of_the_whole(fault: Fault) -> tuple[str, str]:
    if fault["type"] == "json_invalid":
        return "The body is not valid JSON.", "invalid_json"
    if fault["type"] == "missing":
        return "The body is empty.", "missing_required_parameter"
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"]), "invalid_value"
    return "The body is not a JSON object, sent as 'Content-Type: application/json'.", "invalid_json"


def named(fault: Fault, body: Any) -> str:
    """As `messages[0].content`, without the kinds that a value might have been, which pydantic names too."""
    place, *rest = fault["loc"]
    in_body = place == "body" and isinstance(body, (dict, list))
    name = ""
    for part in rest if place in PLACES else fault["loc"]:
        if isinstance(part, int):
            name += f"[{part}]"
        elif not in_body or (isinstance(body, dict) and part in body) or _is_missing(fault, part):
            name += f".{part}" if name else str(part)
        else:
            continue
        body = _at(body, part)
    return name


def _is_missing(fault: Fault, part: str) -> bool:
    return fault["type"] == "missing" and part == fault["loc"][-1]


def _at(body: Any, part: str | int) -> Any:
    try:
        return body[part]
    except (KeyError, IndexError, TypeError):
        return None


def _telling(faults: Sequence[Fault], body: Any) -> Fault:
    """The first, or of the kinds that its value might have been the fault of the one that was meant."""
    first = named(faults[0], body)
    return min((fault for fault in faults if named(fault, body).startswith(first)), key=_farness)


def _farness(fault: Fault) -> tuple[int, int]:
    """How far a value is from the kind that finds the fault: it went deep into the one that was meant."""
    kind = str(fault["type"])
    rank = 3 if kind in ("missing", "extra_forbidden") else 2 if kind.endswith("_type") else 1
    return -len(fault["loc"]), 0 if rank == 1 and kind != "literal_error" else rank
