"""Every operation of the API, found in the apps, so that a new route is not forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from functions.gateway.apis import find_apis

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """A method of a path, and the Lambda handler and database role that serve it.

    `described` is its OpenAPI operation; `schemas` are those it refers to.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    role: str
    public: bool
    described: dict[str, Any] = field(repr=False)
    schemas: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def parameters(self, where: str) -> list[dict[str, Any]]:
        """Its parameters in `path`, `query` or `header`."""
        return [one for one in self.described.get("parameters", []) if one["in"] == where]

    @property
    def is_list(self) -> bool:
        """Whether it answers pages."""
        return {"limit", "cursor"} <= {one["name"] for one in self.parameters("query")}

    @property
    def body(self) -> dict[str, Any] | None:
        """The JSON schema of its request body."""
        content = self.described.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema")


def operations() -> list[Operation]:
    """All of them, in a fixed order."""
    return list(_operations())


def _operations() -> Iterator[Operation]:
    for api in find_apis():
        module, _, attribute = api.declared.entry.rpartition(".")
        handler = getattr(import_module(module), attribute)
        document = api.app.openapi()
        for path, described in document["paths"].items():
            for method in _METHODS:
                if method in described:
                    yield Operation(
                        method.upper(),
                        path,
                        handler,
                        api.declared.function.role or "crm_app",
                        api.is_public(path),
                        described[method],
                        document.get("components", {}).get("schemas", {}),
                    )
