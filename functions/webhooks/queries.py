"""Reading endpoints and deliveries."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from functions.webhooks.listening import Listener, Recorded
from functions.webhooks.models import (
    Delivery,
    DeliveryNotFound,
    DeliveryWithBody,
    Endpoint,
    EndpointNotFound,
    State,
)
from shared.cursors import Key
from shared.db import Tx


def get_endpoint(tx: Tx, endpoint_id: UUID) -> Endpoint:
    """The endpoint with this id.

    Raises:
        EndpointNotFound: this workspace has none.
    """
    endpoint = tx.one(
        Endpoint,
        """
        select id, user_id, url, description, event_types, enabled, disabled_reason, failing_since,
            case when previous_secret_until > now() then previous_secret_until end
                as previous_secret_until,
            version, created_at, updated_at
        from webhook_endpoints
        where workspace_id = %(workspace_id)s and id = %(id)s and deleted_at is null
        """,
        id=endpoint_id,
    )
    if endpoint is None:
        raise EndpointNotFound
    return endpoint


def list_endpoints(tx: Tx, *, limit: int, after: Key | None = None) -> list[Endpoint]:
    """Endpoints newest first, from after `after`: up to `limit` of them."""
    at, last_id = after or (None, None)
    return tx.all(
        Endpoint,
        """
        select id, user_id, url, description, event_types, enabled, disabled_reason, failing_since,
            case when previous_secret_until > now() then previous_secret_until end
                as previous_secret_until,
            version, created_at, updated_at
        from webhook_endpoints
        where workspace_id = %(workspace_id)s and deleted_at is null
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
        """,
        at=at,
        last_id=last_id,
        limit=limit,
    )


def list_deliveries(
    tx: Tx,
    endpoint_id: UUID,
    *,
    limit: int,
    after: Key | None = None,
    state: State | None = None,
) -> list[Delivery]:
    """Deliveries to an endpoint newest first, from after `after`: up to `limit` of them, of those
    in the state that is given.

    Raises:
        EndpointNotFound: this workspace has no such endpoint.
    """
    get_endpoint(tx, endpoint_id)
    at, last_id = after or (None, None)
    return tx.all(
        Delivery,
        """
        select id, event_id, event_type, position, state, reason, attempts, due_at, created_at,
            settled_at, log
        from webhook_deliveries
        where workspace_id = %(workspace_id)s and endpoint_id = %(endpoint_id)s
            and (%(state)s::text is null or state = %(state)s)
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
        """,
        endpoint_id=endpoint_id,
        state=state,
        at=at,
        last_id=last_id,
        limit=limit,
    )


def get_delivery(tx: Tx, endpoint_id: UUID, delivery_id: UUID) -> DeliveryWithBody:
    """A delivery to an endpoint.

    Raises:
        EndpointNotFound: this workspace has no such endpoint.
        DeliveryNotFound: the endpoint has no such delivery.
    """
    get_endpoint(tx, endpoint_id)
    delivery = tx.one(
        DeliveryWithBody,
        """
        select id, event_id, event_type, position, state, reason, attempts, due_at, created_at,
            settled_at, log, body
        from webhook_deliveries
        where workspace_id = %(workspace_id)s and endpoint_id = %(endpoint_id)s and id = %(id)s
        """,
        endpoint_id=endpoint_id,
        id=delivery_id,
    )
    if delivery is None:
        raise DeliveryNotFound
    return delivery


_LISTENERS: LiteralString = """
    select e.id, e.user_id, e.event_types, e.created_at, m.role, r.grants
    from webhook_endpoints e
    left join memberships m on m.workspace_id = e.workspace_id and m.user_id = e.user_id
        and m.ended_at is null
    left join roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
    where e.workspace_id = %(workspace_id)s and e.enabled and e.deleted_at is null
"""


def list_listeners(tx: Tx) -> list[Listener]:
    """The endpoints that events are sent to."""
    return tx.all(Listener, _LISTENERS)


def find_listener(tx: Tx, endpoint_id: UUID) -> Listener | None:
    """The same of one endpoint; None where nothing is sent to it."""
    return tx.one(Listener, _LISTENERS + " and e.id = %(id)s", id=endpoint_id)


def list_recorded(
    tx: Tx, event_types: tuple[str, ...] | None, *, after_position: int, limit: int
) -> list[Recorded]:
    """The next events of the feed, of every type, with the payloads of the types given."""
    return tx.all(
        Recorded,
        """
        select type, position,
            case when %(types)s::text[] is null or type = any(%(types)s) then payload end as payload
        from event_log
        where workspace_id = %(workspace_id)s and position > %(after_position)s
        order by position
        limit %(limit)s
        """,
        types=None if event_types is None else list(event_types),
        after_position=after_position,
        limit=limit,
    )
