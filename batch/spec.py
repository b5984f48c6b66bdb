"""Job specs: YAML, one file a model. What is wrong is told with its line and the nearest right name."""

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema

from errors import InvalidData
from records import Preparation, Recipe, Record

Schedule = Literal["nightly", "weekly", "monthly", "manual"]
LARGEST_SPEC = 1 << 18  # bytes; more is some other YAML
FAULTS_TOLD = 5
ALIAS = r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$"
ONE_OR_MANY = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
    ]
}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Sources = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed), WithJsonSchema(ONE_OR_MANY)
]


class JobSpec(Record):
    """A model to keep up to date, and how it is made."""

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^\S(.*\S)?$",
        title="Name", description="of the model; its versions share it, and it answers as the current one",
    )  # fmt: skip
    alias: str | None = Field(
        None, pattern=ALIAS, title="Alias", description="another name for the current version, for programs"
    )
    use_case: str = Field(
        min_length=3, title="Use case", description="what the model is for, in a sentence or two"
    )
    sources: Sources = Field(
        min_length=1, title="Sources",
        description="files, folders, globs, s3:// or gs:// URIs; a relative one starts at the spec's folder",
    )  # fmt: skip
    recipe: Recipe = Field(
        Recipe(), title="Recipe", description="what to train and how; empty fields are filled in by the data"
    )
    preparation: Preparation = Field(
        Preparation(), title="Preparation", description="how the files are cleaned, structured and split"
    )
    schedule: Schedule = Field(
        "nightly", title="Schedule",
        description="how soon a change may be trained on: weekly and monthly count from the last time; "
        "manual only when it is asked for by name",
    )  # fmt: skip
    notify: bool = Field(True, title="Notify", description="tell the people of LUTHIER_NOTIFY if it fails")


def schema() -> dict[str, Any]:
    """The JSON schema that editors check specs with."""
    made = JobSpec.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Luthier job spec",
        **{key: value for key, value in made.items() if key != "title"},
    }


def schema_text() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def read_spec(text: str, place: str) -> JobSpec:
    """The spec in a YAML text; `place` is what the file is called. Raises InvalidData, every fault told."""
    if len(text) > LARGEST_SPEC:
        raise InvalidData(
            f"{place} is too long for a job spec.", "Keep data in the files that `sources` names."
        )
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        node = _checked(node, place)
        fields = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InvalidData(f"{place}{line}: this is no YAML: {error.problem}.", HINT) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidData(f"{place}: this is no YAML: {str(error).splitlines()[0]}.", HINT) from error
    try:
        return JobSpec.model_validate(fields)
    except ValidationError as error:
        raise _explained(error, node, place) from error


HINT = "`luthier batch schema` prints what a spec may hold; docs/batch.md has an example."


def _checked(node: yaml.Node | None, place: str) -> yaml.MappingNode:
    """YAML lets a second key of the same name win without a word. Raises InvalidData."""
    if not isinstance(node, yaml.MappingNode):
        raise InvalidData(f"{place}: a job spec is a list of `key: value` lines.", HINT)
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.value in seen:
            raise InvalidData(
                f"{place}, line {line}: `{key.value}` stands in line {seen[key.value]} already.",
                "Keep one of them.",
            )
        seen[key.value] = line
        if isinstance(value, yaml.MappingNode):
            _checked(value, place)
    return node


def _explained(error: ValidationError, node: yaml.Node, place: str) -> InvalidData:
    faults = [_fault(fault, node) for fault in error.errors()]
    faults.sort(key=lambda fault: fault[0])
    told = [f"{place}, line {line}: {message}" for line, message, _ in faults[:FAULTS_TOLD]]
    if len(faults) > FAULTS_TOLD:
        told.append(f"… and {len(faults) - FAULTS_TOLD} more.")
    hints = dict.fromkeys(hint for _, _, hint in faults if hint)
    return InvalidData(" ".join(told), " ".join(hints) or HINT)


def _fault(fault: Any, node: yaml.Node) -> tuple[int, str, str]:
    """Its line, what is wrong, and what may be meant."""
    place = [part for part in fault["loc"] if isinstance(part, str | int)]
    line, key = _line(node, place), str(place[-1]) if place else ""
    within = f" in `{'.'.join(map(str, place[:-1]))}`" if len(place) > 1 else ""
    if fault["type"] == "extra_forbidden":
        return line, f"there is no key `{key}`{within}.", _meant(key, [str(part) for part in place[:-1]])
    if fault["type"] == "missing":
        return line, f"the key `{key}` is missing{within}.", ""
    given = fault.get("input")
    got = f", not {given!r}" if isinstance(given, str | int | float | bool) else ""
    return line, f"`{'.'.join(map(str, place))}`: {fault['msg'].removeprefix('Value error, ')}{got}.", ""


def _line(node: yaml.Node, place: Sequence[str | int]) -> int:
    """Counted from 1, of the innermost part of `place` that is there."""
    line = node.start_mark.line + 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _meant(key: str, where: Sequence[str]) -> str:
    known = dict(_known_keys(JobSpec, ""))
    here = {path.rpartition(".")[2]: path for path in known if path.rpartition(".")[0] == ".".join(where)}
    for path, name in known.items():
        if name == key:
            return f"`{key}` belongs under `{path.rpartition('.')[0] or 'the top level'}`."
    if near := get_close_matches(key, here, 1, 0.6):
        return f"Did you mean `{near[0]}`?"
    anywhere = {name: path for path, name in known.items()}
    if near := get_close_matches(key, anywhere, 1, 0.75):
        return f"Did you mean `{anywhere[near[0]]}`?"
    return f"Known here: {', '.join(here)}."


def _known_keys(record: type[BaseModel], above: str) -> Iterator[tuple[str, str]]:
    for name, field in record.model_fields.items():
        yield f"{above}{name}", name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _known_keys(field.annotation, f"{above}{name}.")
