"""Who is calling: taken from the authorizer's context alone, never from the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.errors import Unauthorized


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated person acting in one workspace."""

    workspace_id: UUID
    user_id: UUID
    session_id: UUID
    role: str
    scopes: frozenset[str]


def caller_of(event: Mapping[str, Any]) -> Caller:
    """The caller of an API Gateway event (REST or WebSocket), as the authorizer gave it.

    Raises:
        Unauthorized: the event did not pass the authorizer.
    """
    request_context: Mapping[str, Any] = event.get("requestContext") or {}
    context: Mapping[str, Any] = request_context.get("authorizer") or {}
    try:
        return Caller(
            workspace_id=UUID(context["workspace_id"]),
            user_id=UUID(context["user_id"]),
            session_id=UUID(context["session_id"]),
            role=context["role"],
            scopes=frozenset(str(context.get("scopes", "")).split()),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Unauthorized from error
