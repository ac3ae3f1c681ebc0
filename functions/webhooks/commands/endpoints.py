"""What people do with endpoints: the change, its event, the result."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from events.webhooks import (
    WebhookEndpointChanged,
    WebhookEndpointCreated,
    WebhookEndpointDeleted,
)
from functions.webhooks import queries, store
from functions.webhooks.models import (
    Endpoint,
    EndpointChange,
    EndpointNotFound,
    NewEndpoint,
    host_of,
)
from shared.db import Tx
from shared.errors import FieldError, PreconditionFailed, Unprocessable
from shared.outbound.targets import checked, rules

SEALED_FOR = "webhook_endpoints.secret"
"""The context both secrets are sealed for: at a rotation one moves to where the other was."""
_OVERLAP = timedelta(hours=24)


def create_endpoint(tx: Tx, new: NewEndpoint, secret: bytes) -> Endpoint:
    """Create an endpoint; its secret is sealed already.

    Raises:
        InvalidUrl: nothing may be sent there.
        TooManyEndpoints: the workspace has as many as it may have.
    """
    new = new.model_copy(update={"url": checked(new.url, rules()).url})
    endpoint = store.insert(tx, new, secret)
    tx.emit(
        WebhookEndpointCreated(
            **tx.envelope(endpoint.id, endpoint.version),
            host=host_of(endpoint.url),
            enabled=endpoint.enabled,
            event_types=endpoint.event_types,
        )
    )
    return endpoint


def change_endpoint(
    tx: Tx, endpoint_id: UUID, change: EndpointChange, *, version: int | None = None
) -> Endpoint:
    """Change the fields that `change` names; a change to the same values is none.

    Raises:
        EndpointNotFound: there is no such endpoint.
        PreconditionFailed: it is no longer at `version`.
        InvalidUrl: nothing may be sent there.
    """
    given = _given(change)
    current = queries.get_endpoint(tx, endpoint_id)
    if version is not None and current.version != version:
        raise PreconditionFailed
    changed = tuple(field for field, value in given.items() if getattr(current, field) != value)
    if not changed:
        return current
    if {"url", "event_types"} & set(changed):
        given["user_id"] = tx.user_id
    stored = store.update(tx, current.model_copy(update=given))
    if stored is None:
        raise PreconditionFailed
    _emit_changed(tx, stored, changed)
    return stored


def delete_endpoint(tx: Tx, endpoint_id: UUID, *, version: int | None = None) -> None:
    """Delete an endpoint: nothing more is sent to it.

    Raises:
        EndpointNotFound: there is no such endpoint.
        PreconditionFailed: it is no longer at `version`.
    """
    current = queries.get_endpoint(tx, endpoint_id)
    deleted = store.delete(tx, endpoint_id, current.version if version is None else version)
    if deleted is None:
        raise PreconditionFailed
    tx.emit(WebhookEndpointDeleted(**tx.envelope(endpoint_id, deleted), host=host_of(current.url)))


def rotate_secret(tx: Tx, endpoint_id: UUID, secret: bytes) -> Endpoint:
    """Give an endpoint a new secret, sealed already; for a day the old one signs as well.

    Raises:
        EndpointNotFound: there is no such endpoint.
    """
    stored = store.rotate(tx, endpoint_id, secret, overlap_s=_OVERLAP.total_seconds())
    if stored is None:
        raise EndpointNotFound
    _emit_changed(tx, stored, ("secret",))
    return stored


def _given(change: EndpointChange) -> dict[str, Any]:
    given = {field: getattr(change, field) for field in change.model_fields_set}
    cleared = [name for name, value in given.items() if value is None and name != "event_types"]
    if cleared:
        raise Unprocessable(
            errors=tuple(FieldError(f"/{name}", "cannot be cleared", "null") for name in cleared)
        )
    if "url" in given:
        given["url"] = checked(given["url"], rules()).url
    return given


def _emit_changed(tx: Tx, endpoint: Endpoint, changed: tuple[str, ...]) -> None:
    tx.emit(
        WebhookEndpointChanged(
            **tx.envelope(endpoint.id, endpoint.version),
            host=host_of(endpoint.url),
            enabled=endpoint.enabled,
            changed=changed,
        )
    )
