"""Who is calling: taken from the authorizer's context alone, never from the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.access import Access, access_of
from shared.errors import Forbidden, Unauthorized


class NotBySso(Forbidden):
    """You signed in by a workspace's single sign-on, which is good there alone: for this, sign in
    with your password or with Google.
    """


class NotForKeys(Forbidden):
    """An API key cannot do this: sign in."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated person acting in one workspace, by a sign-in or by an API key of theirs.

    A key may have a limit of its own: so many reads, and so many changes, a second. `by_sso` is a
    sign-in by the workspace's own provider, which is good in the workspace alone.
    """

    workspace_id: UUID
    user_id: UUID
    access: Access
    session_id: UUID | None = None
    key_id: UUID | None = None
    rate_limit: int | None = None
    by_sso: bool = False

    @property
    def actor(self) -> str:
        """Who acts, as in `Event.actor`: `user:<uuid>` or `key:<uuid>`."""
        return f"key:{self.key_id}" if self.key_id else f"user:{self.user_id}"

    def require_person(self) -> None:
        """Go on only for somebody who signed in: for what a key could outlive itself by, and what
        members change about themselves without a permission.

        Raises:
            NotForKeys: it is a key that asks.
        """
        if self.key_id is not None:
            raise NotForKeys

    def require_own_sign_in(self) -> None:
        """Go on only for somebody who signed in as themselves: for what is about the person and not
        about their membership. What a workspace's provider says is good in that workspace alone.

        Raises:
            NotBySso: they signed in by it.
        """
        if self.by_sso:
            raise NotBySso


def caller_of(event: Mapping[str, Any]) -> Caller:
    """The caller of an API Gateway event (REST or WebSocket), as the authorizer gave it.

    Raises:
        Unauthorized: the event did not pass the authorizer.
    """
    request_context: Mapping[str, Any] = event.get("requestContext") or {}
    context: Mapping[str, Any] = request_context.get("authorizer") or {}
    try:
        session_id, key_id = context.get("session_id"), context.get("key_id")
        rate = context.get("rate")
        return Caller(
            workspace_id=UUID(context["workspace_id"]),
            user_id=UUID(context["user_id"]),
            access=access_of(context["access"]),
            session_id=UUID(session_id) if session_id else None,
            key_id=UUID(key_id) if key_id else None,
            rate_limit=int(rate) if rate else None,
            by_sso=context.get("sso") == "true",
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Unauthorized from error
