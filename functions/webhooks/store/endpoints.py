"""Writing endpoints: what people say of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from functions.webhooks.models import (
    MOST_ENDPOINTS,
    Disabled,
    Endpoint,
    NewEndpoint,
    TooManyEndpoints,
)
from shared.db import Tx
from shared.ids import uuid7


def insert(tx: Tx, new: NewEndpoint, secret: bytes) -> Endpoint:
    """Store a new endpoint.

    Raises:
        TooManyEndpoints: the workspace has as many as it may have.
    """
    endpoint = tx.one(
        Endpoint,
        """
        insert into webhook_endpoints (workspace_id, id, user_id, url, description, event_types,
            enabled, secret)
        select %(workspace_id)s, %(id)s, %(user_id)s, %(url)s, %(description)s, %(event_types)s,
            %(enabled)s, %(secret)s
        where %(most)s > (
            select count(*) from webhook_endpoints
            where workspace_id = %(workspace_id)s and deleted_at is null
        )
        returning id, user_id, url, description, event_types, enabled, disabled_reason,
            failing_since,
            previous_secret_until, version, created_at, updated_at
        """,
        **_columns(new),
        id=uuid7(),
        user_id=tx.user_id,
        secret=secret,
        most=MOST_ENDPOINTS,
    )
    if endpoint is None:
        raise TooManyEndpoints
    return endpoint


def update(tx: Tx, endpoint: Endpoint) -> Endpoint | None:
    """Store new values if the endpoint is still at the version given; None if it is not. One that
    is enabled has not failed yet.
    """
    return tx.one(
        Endpoint,
        """
        update webhook_endpoints set url = %(url)s, user_id = %(user_id)s,
            description = %(description)s, event_types = %(event_types)s, enabled = %(enabled)s,
            disabled_reason = case when not %(enabled)s then disabled_reason end,
            failing_since = case when enabled = %(enabled)s then failing_since end,
            resting_until = case when enabled = %(enabled)s then resting_until end,
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning id, user_id, url, description, event_types, enabled, disabled_reason,
            failing_since,
            case when previous_secret_until > now() then previous_secret_until end
                as previous_secret_until,
            version, created_at, updated_at
        """,
        **_columns(endpoint),
        id=endpoint.id,
        user_id=endpoint.user_id,
        version=endpoint.version,
    )


def disable_of(tx: Tx, user_id: UUID, *, before: datetime) -> list[Disabled]:
    """Disable the endpoints of a member's that were last changed before then, as `unconfirmed`."""
    return tx.all(
        Disabled,
        """
        update webhook_endpoints set enabled = false, disabled_reason = 'unconfirmed',
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s and enabled
            and deleted_at is null and updated_at <= %(before)s
        returning id, version, url
        """,
        user_id=user_id,
        before=before,
    )


def delete(tx: Tx, endpoint_id: UUID, version: int) -> int | None:
    """Mark an endpoint deleted if it is still at this version, and forget its secrets; its new
    version.
    """
    return tx.one(
        int,
        """
        update webhook_endpoints set deleted_at = now(), secret = '', previous_secret = null,
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and version = %(version)s
            and deleted_at is null
        returning version
        """,
        id=endpoint_id,
        version=version,
    )


def rotate(tx: Tx, endpoint_id: UUID, secret: bytes, *, overlap_s: float) -> Endpoint | None:
    """Give an endpoint another secret; the one it had signs as well for a while."""
    return tx.one(
        Endpoint,
        """
        update webhook_endpoints set previous_secret = secret, secret = %(secret)s,
            previous_secret_until = now() + make_interval(secs => %(overlap_s)s),
            version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
        returning id, user_id, url, description, event_types, enabled, disabled_reason,
            failing_since,
            previous_secret_until, version, created_at, updated_at
        """,
        id=endpoint_id,
        secret=secret,
        overlap_s=overlap_s,
    )


def _columns(endpoint: NewEndpoint | Endpoint) -> dict[str, Any]:
    types = endpoint.event_types
    return {
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": None if types is None else list(types),
        "enabled": endpoint.enabled,
    }
