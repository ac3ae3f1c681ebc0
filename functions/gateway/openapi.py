"""Merges the APIs' OpenAPI documents into one (https://spec.openapis.org/oas/v3.1.1.html).

What each document says of itself stays; what is true of the whole API is said once: who may call
(`security`), how errors look (`default` response), and short, unique names.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from functions.gateway.answers import answers_of, components, versioned_paths
from functions.gateway.models import EXAMPLE, problem_schemas
from functions.gateway.schema_names import SCHEMAS, clashing_names, renamed

Json = dict[str, Any]

_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
_FASTAPI_ERRORS = ("HTTPValidationError", "ValidationError")
_ANSWERED = {
    "200": "What was asked for, or what has been changed, as it is now.",
    "201": "What was made.",
    "202": "It is accepted, and will be done.",
    "204": "Done; there is nothing to say.",
    "303": "Where it is to be had.",
}
_INFO = {
    "title": "hasteCRM",
    "version": "1",
    "description": "A multi-tenant CRM for teams that live in Gmail. A token belongs to one"
    " workspace; nothing of another can be seen with it.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "The access token of `POST /api/v1/auth/sign-in`, a JWT; or an API key.",
}
_PROBLEM = {
    "description": "The request was not fulfilled.",
    "content": {
        "application/problem+json": {
            "schema": {"$ref": f"{SCHEMAS}Problem"},
            "example": EXAMPLE.model_dump(mode="json", exclude_none=True),
        }
    },
}


@dataclass(frozen=True, slots=True)
class Part:
    """One API: its name and purpose for people, its document, and which paths need no token."""

    title: str
    about: str
    document: Json
    is_public: Callable[[str], bool]

    @property
    def schemas(self) -> Json:
        found: Json = self.document.get("components", {}).get("schemas", {})
        return {name: schema for name, schema in found.items() if name not in _FASTAPI_ERRORS}


def merge(parts: Sequence[Part]) -> Json:
    """One document for all parts; none of theirs is changed.

    Raises:
        ValueError: two parts have the same operation, or a name is taken where it must be free.
    """
    paths: Json = {}
    webhooks: Json = {}
    schemas = problem_schemas(SCHEMAS + "{model}")
    clashing = clashing_names([part.schemas for part in parts])
    versioned = {path for part in parts for path in versioned_paths(part.document["paths"])}
    operation_ids = Counter(_short_id(*one) for part in parts for one in _operations(part))
    for part in parts:
        names = {name: _prefix(part) + name for name in clashing & part.schemas.keys()}
        for path, method, operation in _operations(part):
            short = _short_id(path, method, operation)
            named = operation | ({"operationId": short} if operation_ids[short] == 1 else {})
            finished = _finished(named, part, public=part.is_public(path))
            finished["responses"] = answers_of(path, method, finished, versioned)
            _put(paths.setdefault(path, {}), method, renamed(finished, names))
        for name, method, operation in _operations(part, "webhooks"):
            sent = _tagged(operation, part) | {"operationId": _short_id(name, method, operation)}
            _put(webhooks.setdefault(name, {}), method, renamed(sent, names))
        for name, schema in part.schemas.items():
            titled = schema | ({"title": names[name]} if name in names else {})
            _put(schemas, names.get(name, name), renamed(titled, names))
    shared = components()
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": _tags(parts),
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": schemas,
            "responses": {"Problem": _PROBLEM, **shared["responses"]},
            "headers": shared["headers"],
            "securitySchemes": {"bearer": _BEARER},
        },
    }


def _operations(part: Part, kind: str = "paths") -> Iterable[tuple[str, str, Json]]:
    """The operations of its paths, or of its webhooks, which are what we ask of others."""
    for path, item in part.document.get(kind, {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


def _finished(operation: Json, part: Part, *, public: bool) -> Json:
    """The operation as the whole API has it: who may call, and how it fails."""
    tagged = _tagged(operation, part)
    responses = tagged["responses"] | {"default": {"$ref": "#/components/responses/Problem"}}
    open_to_all: Json = {"security": []} if public else {}
    return tagged | {"responses": responses} | open_to_all


def _tagged(operation: Json, part: Part) -> Json:
    """The operation under its part's tag, without FastAPI's 422, which nobody answers, nor what it
    says of every answer.
    """
    responses = {
        status: response | {"description": _said_of(status, response)}
        for status, response in operation["responses"].items()
        if f"{SCHEMAS}{_FASTAPI_ERRORS[0]}" not in json.dumps(response)
    }
    return operation | {"tags": [part.title], "responses": responses}


def _said_of(status: str, response: Json) -> str:
    """What an answer is, where its route does not say it."""
    said: str = response.get("description", "")
    return _ANSWERED.get(status, "Done.") if said in ("", "Successful Response") else said


def _short_id(path: str, method: str, operation: Json) -> str:
    """`create_contact`, of FastAPI's `create_contact_api_v1_contacts_post`."""
    return operation["operationId"].removesuffix(re.sub(r"\W", "_", path) + f"_{method}")


def _prefix(part: Part) -> str:
    return "".join(word.capitalize() for word in re.findall(r"\w+", part.title.replace("-", "")))


def _put(into: Json, key: str, value: Any) -> None:
    if into.setdefault(key, value) != value:
        raise ValueError(f"{key} is described twice, and not alike: rename one of the two")


def _tags(parts: Sequence[Part]) -> list[Json]:
    about = {part.title: part.about for part in parts}
    return [{"name": title, "description": text} for title, text in about.items()]
