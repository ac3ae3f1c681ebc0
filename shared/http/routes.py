"""A route of the API: it says what permission it takes, and changes happen once.

What a route does not say is refused when it is made, so at import: a new one cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.access import ANYBODY, NOTHING, PERMISSION, SIGNED_IN, Access, masked
from shared.auth import caller_of
from shared.http.idempotency import EXCLUDED, Handle, documented, happening_once
from shared.http.parameters import names_of, require_known
from shared.http.within import NotBatchable, within_of

FOR_KEYS = "x-for-keys"
_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
_asking: ContextVar[Access] = ContextVar("asking", default=NOTHING)
"""What the caller of the request that is being answered may do."""


def for_keys(why: str) -> dict[str, Any]:
    """For the `openapi_extra` of a change that everybody who is signed in may ask for, and API keys
    as well: `why` is what holds those to their grants. Else such changes are what members do about
    themselves, which a key may not.
    """
    return {FOR_KEYS: why}


class Route(APIRoute):
    """What every path of ours is made of. Fields that are hidden from the caller are null in every
    answer that is a model.

    Raises:
        TypeError: it does not say what permission it takes, or it is a change that neither takes a
            transaction nor says why it is unrepeatable.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        extra: dict[str, Any] = options.get("openapi_extra") or {}
        if PERMISSION not in extra:
            raise TypeError(f"{path}: say what it takes, with `openapi_extra=needs(...)`")
        self._permission: str = extra[PERMISSION]
        self._changes = bool(_CHANGES & set(options.get("methods") or ()))
        takes_key = self._changes and EXCLUDED not in extra
        super().__init__(
            path, _masking(endpoint), **(documented(options) if takes_key else options)
        )
        if takes_key and not _takes_transaction(self.dependant):
            raise TypeError(f"{path}: take a transaction, or say why the route is unrepeatable")

    def get_route_handler(self) -> Handle:
        handle = super().get_route_handler()
        if self._changes:
            handle = happening_once(handle, (self.openapi_extra or {}).get(EXCLUDED))
        if self._permission == ANYBODY:
            return handle

        extra: dict[str, Any] = self.openapi_extra or {}
        unrepeatable, for_people = EXCLUDED in extra, self._changes and FOR_KEYS not in extra
        parameters = names_of(self.dependant)

        async def permitted(request: Request) -> Response:
            if unrepeatable and within_of(request) is not None:
                raise NotBatchable
            caller = caller_of(request.scope.get("aws.event") or {})
            if self._permission != SIGNED_IN:
                caller.access.require(self._permission)
            elif for_people:
                caller.require_person()
            require_known(request, parameters)
            _asking.set(caller.access)
            return await handle(request)

        return permitted


def _masking(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """An endpoint whose answers show what the caller may see."""

    @wraps(endpoint)
    async def answer(*args: Any, **kwargs: Any) -> Any:
        return masked(_asking.get(), await endpoint(*args, **kwargs))

    return answer


def _takes_transaction(dependant: Dependant) -> bool:
    """Whether something ends with the endpoint and before the answer: only transactions do."""
    return any(one.scope == "function" or _takes_transaction(one) for one in dependant.dependencies)
