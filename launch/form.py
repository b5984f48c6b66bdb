"""The form of a run, as a Prefect server shows it: a flow's signature, and the bases to choose from.

Prefect takes types, bounds and defaults from a signature and descriptions from its docstring. It leaves out
titles, shows no bounds, and calls the two sides of an optional field `int` and `None`.
"""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from prefect import Flow

ANOTHER = "Another model, by its hub id or the folder that it lies in"
SIDES = {"null": "Default", "integer": "A number", "number": "A number", "string": "A text"}


def form(flow: "Flow[..., Any]", bases: Sequence[str]) -> dict[str, Any]:
    """The JSON schema of the flow's parameters. The first of the `bases` is suggested."""
    schema: dict[str, Any] = flow.parameters.model_dump_for_openapi()
    given = titles(flow)
    for name, field in schema["properties"].items():
        field["title"] = given.get(name, name.replace("_", " ").capitalize())
    models = [one for one in schema.get("definitions", {}).values() if "properties" in one]
    for properties in (schema["properties"], *(model["properties"] for model in models)):
        for name, field in properties.items():
            # a record within a record comes without the title that its field has
            field.setdefault("title", name.replace("_", " ").capitalize())
            explain(field)
    recipe = schema.get("definitions", {}).get("Recipe")
    if recipe and bases:
        offer(recipe["properties"]["base_model"], bases)
        for field in schema["properties"].values():
            # what a field begins with goes before what its parts would
            if field.get("$ref", "").endswith("/Recipe") and "default" in field:
                field["default"] = field["default"] | {"base_model": bases[0]}
    return schema


def titles(flow: "Flow[..., Any]") -> dict[str, str]:
    """Of the parameters that carry a `Field` with one."""
    found = {}
    for name, parameter in inspect.signature(flow.fn, eval_str=True).parameters.items():
        notes = get_args(parameter.annotation) if get_origin(parameter.annotation) is Annotated else ()
        for note in notes:
            if isinstance(note, FieldInfo) and note.title:
                found[name] = note.title
    return found


def explain(field: dict[str, Any]) -> None:
    """A description as a sentence, with the bounds; sides of an optional field that say what they are."""
    for side in field.get("anyOf", []):
        side.setdefault("title", SIDES.get(side.get("type"), "Given"))
    told = field.get("description", "")
    if told:
        limits = bounds(field)
        field["description"] = f"{told[0].upper()}{told[1:].rstrip('.')}{limits and f' ({limits})'}."


def bounds(field: dict[str, Any]) -> str:
    for side in (field, *field.get("anyOf", [])):
        least, most = side.get("minimum"), side.get("maximum")
        if least is not None and most is not None:
            return f"{least:g} to {most:g}" if most < 10_000 else f"{least:g} or more"
        if "exclusiveMinimum" in side:
            return f"above {side['exclusiveMinimum']:g}"
    return ""


def offer(field: dict[str, Any], bases: Sequence[str]) -> None:
    """A list to choose from, beside a box for any other name."""
    field.pop("type", None)
    field["anyOf"] = [
        {"title": "Of the catalogue", "type": "string", "enum": list(bases)},
        {"title": ANOTHER, "type": "string"},
    ]
    field["default"] = bases[0]
