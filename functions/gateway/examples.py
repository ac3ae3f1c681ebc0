"""Examples in the OpenAPI document: of every request body and of every answer, made of its schema.

Whatever a class says of its own fields (`examples`) counts before what is said of fields of that
name. So a new route has an example without a word, if its fields are called as fields are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.gateway.example_values import ID, INSTANT, OF_MODELS, VALUES
from functions.gateway.schema_names import SCHEMAS

Json = dict[str, Any]

_FORMATS: Mapping[str, str] = {"uuid": ID, "date-time": INSTANT}
_KINDS = ((str, "string"), (bool, "boolean"), (int, "integer"), (list, "array"), (dict, "object"))
_DEEPEST = 8


class NoExample(LookupError):
    """Nothing is known to say for a field: it needs a line in `example_values`."""


def with_examples(document: Json) -> Json:
    """The document, with an example of each JSON body that is asked for or answered.

    Raises:
        NoExample: for a field of one of them.
    """
    schemas: Json = document["components"]["schemas"]
    paths = {
        path: {method: _exemplified(operation, schemas) for method, operation in item.items()}
        for path, item in document["paths"].items()
    }
    return document | {"paths": paths}


def _exemplified(operation: Json, schemas: Json) -> Json:
    found = dict(operation)
    if "requestBody" in operation:
        found["requestBody"] = _shown(operation["requestBody"], schemas)
    found["responses"] = {
        status: _shown(response, schemas) if status.startswith("2") else response
        for status, response in operation["responses"].items()
    }
    return found


def _shown(described: Json, schemas: Json) -> Json:
    content: Json = described.get("content", {})
    media = content.get("application/json", {})
    if not media.get("schema") or media.keys() & {"example", "examples"}:
        return described
    shown = media | {"example": example_of(media["schema"], schemas)}
    return described | {"content": content | {"application/json": shown}}


def example_of(schema: Json, schemas: Json, *, at: str = "", depth: int = 0) -> Any:
    """A value of a schema; `at` is `Model.field`.

    Raises:
        NoExample: nothing is known to say.
    """
    if "$ref" in schema:
        model = schema["$ref"].removeprefix(SCHEMAS)
        return example_of(schemas[model], schemas, at=f"{model}.", depth=depth + 1)
    known, value = _known(at, schema)
    if known:
        return value
    for several in ("anyOf", "oneOf"):
        if several in schema:
            first = next(one for one in schema[several] if one.get("type") != "null")
            return None if depth > _DEEPEST else example_of(first, schemas, at=at, depth=depth)
    if schema.get("type") == "object" or "properties" in schema:
        return _object(schema, schemas, at, depth)
    if schema.get("type") == "array":
        return [] if depth > _DEEPEST else [_item(schema, schemas, at, depth)]
    return _plain(schema, at)


def _known(at: str, schema: Json) -> tuple[bool, Any]:
    if schema.get("examples"):
        return True, schema["examples"][0]
    for choice in ("const", "enum"):
        if choice in schema:
            return True, schema[choice] if choice == "const" else schema[choice][0]
    field = at.rpartition(".")[2]
    for name, said in ((at, OF_MODELS), (field, VALUES)):
        if name in said and _fits(said[name], schema):
            return True, said[name]
    return False, None


def _fits(value: Any, schema: Json) -> bool:
    """Whether what is known of a name is of this schema's kind: names are used for several."""
    kinds = {one.get("type") for one in (schema, *schema.get("anyOf", ()))}
    formats = {one.get("format") for one in (schema, *schema.get("anyOf", ()))}
    if value is None:
        return "null" in kinds
    is_one = any(isinstance(value, kind) and name in kinds for kind, name in _KINDS)
    return (is_one or kinds == {None}) and not formats & _FORMATS.keys()


def _object(schema: Json, schemas: Json, at: str, depth: int) -> Json:
    model = at.removesuffix(".") if at.endswith(".") else ""
    fields: Json = schema.get("properties", {})
    return {
        name: example_of(field, schemas, at=f"{model}.{name}", depth=depth)
        for name, field in fields.items()
        if OF_MODELS.get(f"{model}.{name}") is not ...
    }


def _item(schema: Json, schemas: Json, at: str, depth: int) -> Any:
    return example_of(schema.get("items", {}), schemas, at=at, depth=depth)


def _plain(schema: Json, at: str) -> Any:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    match schema.get("type"):
        case "boolean":
            return schema.get("default", True)
        case "integer" | "number":
            return schema.get("default", max(1, schema.get("minimum", 1)))
        case "null":
            return None
        case _:
            raise NoExample(at)
